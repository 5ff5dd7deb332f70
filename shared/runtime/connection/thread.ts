import { parentPort, type MessagePort } from 'node:worker_threads'
import { keepConnection } from './connection.ts'
import { Running } from './running.ts'
import type { ConnectionOptions } from './seam.ts'

/** Asks this thread to keep one connection. The main thread has the other end of the port. */
export interface Opening {
  port: MessagePort
  options: ConnectionOptions
}

const running = new Running()
parentPort!.on('message', ({ port, options }: Opening) => keepConnection(port, options, running))
