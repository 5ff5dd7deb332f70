import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import type { Closable } from '../shared/shutdown.ts'
import { watchHeartbeat } from './heartbeat.ts'

/** A part of the platform that runs as a process of its own. */
export interface Part extends Closable {
  /**
   * Resolves when the first process serves. One that is killed before is started again; one that gives up has said why on stderr.
   * @throws {Stopped} when the part is closed first
   */
  readonly served: Promise<void>
  /** Starts a new process, and ends the old one when the new one serves; a new one that fails leaves the old one be. */
  replace(): Promise<void>
  /** Ends the process, and then starts a new one: for what cannot run twice. One that fails is tried again. */
  restart(): Promise<void>
  /** Sends SIGHUP, and resolves when the process has read its files again; rejects when it could not. */
  reload(): Promise<void>
}

export interface PartOptions {
  /** The environment of each process, asked for when it starts. */
  env: () => NodeJS.ProcessEnv
  /** Options of Node for each process, asked for when it starts. */
  nodeOptions?: (() => string[]) | undefined
  /** Gets what each process says when it serves. */
  serving?: (message: unknown) => void
  /** What parts have in common that need each other: when one falls, another may give up for no fault of its own. */
  fate?: Fate
  /** Milliseconds between two heartbeats. */
  heartbeat?: number
}

export interface Fate {
  /** How many processes were killed so far. */
  kills: number
}

/** A part was told to end while it was starting. */
export class Stopped extends Error {}

const FIRST_DELAY = 250
const MAX_DELAY = 10_000
/** Milliseconds after which a process that ran is taken to have been healthy. */
const HEALTHY = 30_000
/** Milliseconds a process has to finish its work. */
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
