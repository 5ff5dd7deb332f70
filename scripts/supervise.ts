import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import type { Closable } from '../shared/shutdown.ts'

/** A part of the platform that runs as a process of its own. */
export interface Part extends Closable {
  /** Starts a new process, and ends the old one when the new one serves; a new one that fails leaves the old one be. */
  replace(): Promise<void>
  /** Ends the process, and then starts a new one: for what cannot run twice. One that fails is tried again. */
  restart(): Promise<void>
  signal(name: NodeJS.Signals): void
}

const FIRST_DELAY = 250
const MAX_DELAY = 10_000
/** Milliseconds after which a process that ran is taken to have been healthy. */
const HEALTHY = 30_000
/** Milliseconds a process has to finish its work. */
const PATIENCE = 35_000

/**
 * Runs a script as a process and starts it again when it ends by itself, with growing delays.
 * @param serving is called with what each process says when it serves
 * @throws {Error} when the first process ends before it serves; it has said why on stderr
 */
export async function supervise(
  name: string,
  script: string[],
  serving: (message: unknown) => void = () => {},
): Promise<Part> {
  let stopping = false
  let restarting = false
  let current: ChildProcess
  const alive = new Set<ChildProcess>()
  let wait = FIRST_DELAY

  async function begin(): Promise<ChildProcess> {
    if (stopping) throw new Error(`${name} is stopping`)
    // A group of its own: Ctrl-C reaches this process alone, which then ends the parts in order.
    const child = spawn(process.execPath, [...process.execArgv, ...script], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
    })
    alive.add(child)
    const message = await new Promise((resolve, reject) => {
      child.once('message', resolve)
      child.once('error', reject)
      child.once('exit', () => {
        alive.delete(child)
        reject(new Error(`${name} ended before it served`))
      })
    })
    const since = Date.now()
    child.once('exit', (code, signal) => {
      if (stopping || restarting || child !== current) return
      if (Date.now() - since > HEALTHY) wait = FIRST_DELAY
      process.stderr.write(`${name} ended (${signal ?? code}); starting it again in ${wait} ms\n`)
      void again()
    })
    serving(message)
    return child
  }

  async function again(first = wait): Promise<void> {
    for (let pause = first; ; pause = wait) {
      await delay(pause)
      wait = Math.min(wait * 2, MAX_DELAY)
      if (stopping) return
      try {
        current = await begin()
        return
      } catch (err) {
        if (stopping) return
        process.stderr.write(`${(err as Error).message}; trying again in ${wait} ms\n`)
      }
    }
  }

  current = await begin()
  return {
    async replace() {
      const old = current
      const next = await begin()
      current = next
      await end(old)
    },
    async restart() {
      const old = current
      restarting = true
      await end(old)
      restarting = false
      wait = FIRST_DELAY
      await again(0)
    },
    signal: (signal) => void current.kill(signal),
    async close() {
      stopping = true
      await Promise.all([...alive].map(end)) // one that is starting, too
    },
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
  await exited
  clearTimeout(timer)
}
