import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Job, Lap, Request, Response } from './job.ts'
import type { Target } from './target.ts'

/** What is to be done at a target, wherever that is. */
export type Work = Pick<Job, 'clients' | 'work'>

/** The process that generates the load of one target; it costs nothing while it is not told to go. */
export interface Generator {
  /** Loads until `ended`, which gets what is done so far, says so. */
  lap(ended: Promise<unknown>): Promise<Lap>
  /** Loads until so much is done, or so many milliseconds are over. @returns what is done */
  warmUp(count: number, milliseconds: number): Promise<number>
  close(): Promise<void>
}

/** Resolves when all clients are connected and subscribed. */
export async function openGenerator({ url, ca, broker, handlers }: Target, work: Work): Promise<Generator> {
  const child = fork(fileURLToPath(new URL('./generator.ts', import.meta.url)))
  let hears: (response: Response) => void = () => {}
  let fails: (err: Error) => void = () => {}
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void exited.then(() => fails(new Error('the load generator ended early')))
  child.on('message', (response: Response) => hears(response))

  function until<T>(request: Request, choose: (response: Response) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      fails = reject
      hears = (response) => {
        const chosen = choose(response)
        if (chosen !== undefined) resolve(chosen)
      }
      tell(child, request)
    })
  }
  const stop = (): Promise<Lap> => until('stop', (response) => ('lap' in response ? response.lap : undefined))

  const job: Job = { url, ca, broker, handlers, ...work }
  await until({ open: job }, (response) => ('opened' in response ? true : undefined))
  return {
    async lap(ended) {
      const going = until<never>('go', () => undefined)
      await Promise.race([ended, going])
      return stop()
    },
    async warmUp(count, milliseconds) {
      const late = performance.now() + milliseconds
      let done = 0
      await until('go', (response) => {
        if ('progress' in response) done = response.progress
        return done >= count || performance.now() > late ? true : undefined
      })
      return Math.max(done, (await stop()).done)
    },
    async close() {
      fails = () => {}
      if (child.connected) child.disconnect()
      await exited
    },
  }
}

function tell(child: ChildProcess, request: Request): void {
  if (child.connected) child.send(request)
}
