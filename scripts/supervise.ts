import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import type { Closable } from '../shared/shutdown.ts'
import { watchHeartbeat } from './heartbeat.ts'

/** A part of the platform, run as its own process. */
export interface Part extends Closable {
  /**
   * Resolves when the first process serves. A process killed before that is restarted; one that gives up prints why on stderr.
   * @throws {Stopped} when the part is closed first
   */
  readonly served: Promise<void>
  /** Starts a new process, and ends the old one once the new one serves; if the new one fails, the old one stays. */
  replace(): Promise<void>
  /** Ends the process, then starts a new one, again if it fails: for parts that cannot run twice. */
  restart(): Promise<void>
  /** Sends SIGHUP; resolves when the process has reread its files, and rejects when it could not. */
  reload(): Promise<void>
}

export interface PartOptions {
  /** Returns the environment of a process; called at each start. */
  env: () => NodeJS.ProcessEnv
  /** Returns Node's options for a process; called at each start. */
  nodeOptions?: (() => string[]) | undefined
  /** Called with the message that each process sends when it serves. */
  serving?: (message: unknown) => void
  /** Shared by parts that depend on each other: when one is killed, another may give up through no fault of its own. */
  fate?: Fate
  /** Milliseconds between two heartbeats. */
  heartbeat?: number
}

export interface Fate {
  /** Number of processes killed so far. */
  kills: number
}

/** A part was told to end while it was starting. */
export class Stopped extends Error {}

const FIRST_DELAY = 250
const MAX_DELAY = 10_000
/** Milliseconds after which a process counts as healthy, so the next restart is immediate again. */
const HEALTHY = 30_000
/** Milliseconds that a process has to finish its work before SIGKILL. */
const PATIENCE = 35_000
const ANSWERS_HEARTBEATS = ['--import', new URL('../shared/heartbeat.mjs', import.meta.url).href]

/** How a process ended before it served. */
class Fallen extends Error {
  readonly wasKilled: boolean
  constructor(name: string, how: string, wasKilled: boolean) {
    super(`${name} ended before it served (${how})`)
    this.wasKilled = wasKilled
  }
}

/**
 * Runs a script as a process, starts it again when it ends by itself, with growing delays, and kills one that is frozen.
 */
export function supervise(name: string, script: string[], options: PartOptions): Part {
  const { serving, fate = { kills: 0 } } = options
  const stop = new AbortController()
  let restarting = false
  let current: ChildProcess | undefined
  const alive = new Set<ChildProcess>()
  let wait = FIRST_DELAY

  const say = (text: string): void => void process.stderr.write(`${text}\n`)

  async function begin(): Promise<ChildProcess> {
    if (stop.signal.aborted) throw new Stopped(`${name} is stopping`)
    // A group of its own: Ctrl-C reaches this process alone, which then ends the parts in order.
    const child = spawn(
      process.execPath,
      [...process.execArgv, ...(options.nodeOptions?.() ?? []), ...ANSWERS_HEARTBEATS, ...script],
      {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
        detached: true,
        env: options.env(),
      },
    )
    alive.add(child)
    const killsBefore = fate.kills
    const since = Date.now()
    const frozen = (): void => {
      say(`${name} (pid ${child.pid}) does not answer; killing it`)
      child.kill('SIGKILL')
    }
    const message = await new Promise<unknown>((resolve, reject) => {
      child.once('message', resolve)
      child.once('error', (err) => {
        alive.delete(child)
        reject(err)
      })
      child.once('spawn', () => watchHeartbeat(child, frozen, options.heartbeat))
      child.once('exit', (code, signal) => {
        alive.delete(child)
        if (signal !== null) fate.kills++
        if (stop.signal.aborted) return reject(new Stopped(`${name} is stopping`))
        // Who ends with 0 before it serves was told to, by somebody else.
        reject(new Fallen(name, String(signal ?? code), signal !== null || code === 0 || fate.kills > killsBefore))
      })
    })
    child.once('exit', (code, signal) => {
      if (stop.signal.aborted || restarting || child !== current) return
      if (Date.now() - since > HEALTHY) wait = FIRST_DELAY
      say(`${name} ended (${signal ?? code}); starting it again in ${wait} ms`)
      again().catch(() => {}) // it was told to stop
    })
    serving?.(message)
    return child
  }

  /** Starts it until it serves. */
  async function again(first = wait, mayGiveUp = false): Promise<void> {
    for (let pause = first; ; pause = wait) {
      await delay(pause, undefined, { signal: stop.signal }).catch(() => {
        throw new Stopped(`${name} is stopping`)
      })
      try {
        current = await begin()
        return
      } catch (err) {
        if (err instanceof Stopped || (mayGiveUp && !(err instanceof Fallen && err.wasKilled))) throw err
        say(`${(err as Error).message}; trying again in ${wait} ms`)
      }
      pause = wait
      wait = Math.min(wait * 2, MAX_DELAY)
    }
  }

  const served = again(0, true)
  served.catch(() => {}) // for whoever waits for it
  return {
    served,
    async replace() {
      const old = current
      current = await begin()
      if (old) await end(old)
    },
    async restart() {
      restarting = true
      if (current) await end(current)
      restarting = false
      wait = FIRST_DELAY
      await again(0)
    },
    async reload() {
      const child = current
      if (!child) throw new Error(`${name} does not run`)
      const message = await new Promise<unknown>((resolve, reject) => {
        child.once('message', resolve)
        child.once('exit', () => reject(new Error(`${name} ended`)))
        child.kill('SIGHUP')
      })
      if ((message as { reloaded?: boolean }).reloaded !== true) throw new Error(`${name} cannot read its files again`)
    },
    async close() {
      stop.abort()
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
