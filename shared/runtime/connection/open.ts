import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads'
import { EXTENSION } from '../../own-modules.ts'
import type { ConnectionOptions } from './seam.ts'

const THREAD = new URL(EXTENSION === '.ts' ? './thread.mjs' : './thread.js', import.meta.url)

/** Opens a connection, and returns the main thread's port to it. */
export type OpenConnection = (options: ConnectionOptions) => MessagePort

/** One thread keeps all connections of this process, while there are any. */
let thread: { worker: Worker; connections: number } | undefined

/** Keeps the connection in a thread of its own, which runs on while a handler computes. When the thread fails, the process ends. */
export const inOwnThread: OpenConnection = (options) => {
  const { port1: main, port2: port } = new MessageChannel()
  thread ??= { worker: new Worker(THREAD), connections: 0 }
  const { worker } = thread
  thread.connections++
  worker.postMessage({ port, options }, [port])
  main.once('close', () => {
    if (thread?.worker !== worker || --thread.connections > 0) return
    thread = undefined
    void worker.terminate()
  })
  return main
}
