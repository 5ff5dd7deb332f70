import { MessageChannel } from 'node:worker_threads'
import { keepConnection } from '../shared/runtime/connection/connection.ts'
import type { OpenConnection } from '../shared/runtime/connection/open.ts'

/** A handler process' connection in the test's own thread: a separate thread takes half a second of CPU time to start. */
export const inThisThread: OpenConnection = (options) => {
  const { port1: main, port2: port } = new MessageChannel()
  keepConnection(port, options)
  return main
}
