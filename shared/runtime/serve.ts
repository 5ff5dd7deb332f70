import type { MessagePort } from 'node:worker_threads'
import type { Logger } from '../log.ts'
import type { Closable } from '../shutdown.ts'
import type { Store } from '../store/documents.ts'
import { stampOf } from '../wire/stamp.ts'
import { Attempt } from './attempt.ts'
import type { HandlerSettings } from './command.ts'
import { begin } from './connection/claim.ts'
import { inOwnThread, type OpenConnection } from './connection/open.ts'
import { Pulse } from './connection/pulse.ts'
import type { BrokerLogin, End, Offer, ToConnection, ToMain } from './connection/seam.ts'
import { equip, execute, openWorkshop } from './execute.ts'
import { Lanes } from './lanes.ts'
import type { Commands } from './scan.ts'
import { seal } from './seal.ts'

export interface ServeOptions {
  group: string
  commands: Commands
  store: Store
  settings: HandlerSettings
  log: Logger
  broker: BrokerLogin
  /** HANDLER_WINDOW: the most deliveries held at a time. The broker keeps to it as the Receive Maximum. */
  window: number
  /** Opens the connection; by default in a thread of its own. */
  open?: OpenConnection
  /** Called after each attempt: with the command, how long it ran, and the code if it failed. */
  ran?: ((command: string, seconds: number, failure: string | undefined) => void) | undefined
  /** Milliseconds for running commands to finish when it is closed. */
  drainMs?: number
}

/**
 * Milliseconds for running commands to finish when the process stops; then they are given back. Shorter than the deadlines of
 * `closeOnSignal`, docker-compose.yml and Kubernetes.
 */
const DRAIN = 20_000

/** More than the bytes of a PUBLISH besides its payload. */
const HEADER = 64

/**
 * Serves one group until it is closed: opens its collections in the store, connects (waiting for a broker that is not there
 * yet), subscribes to its commands, runs each, and publishes how it ended. It reconnects when the connection is lost; the broker
 * then gives what was held to another member, and an end that comes late changes nothing. `close` drains: it takes nothing new,
 * aborts the signals of running commands, lets them finish or gives them back after 20 s, and waits until the broker has
 * acknowledged every end.
 * @throws what `equip` throws, and the first connection's error when the broker refuses the key or the certificate
 */
export async function serveGroup(options: ServeOptions): Promise<Closable> {
  const { group, commands, log, broker, window, open = inOwnThread, ran, drainMs = DRAIN } = options
  const pulse = new Pulse()
  const settings: HandlerSettings = {
    ...options.settings,
    get answerBytes() {
      return pulse.maxPacket === undefined ? options.settings.answerBytes : pulse.maxPacket / 2
    },
  }
  const shop = openWorkshop(options.store, settings, log)
  await equip([...commands.values()], shop)

  const limits = Object.fromEntries([...commands].map(([name, { timeoutMs }]) => [name, timeoutMs]))
  const port = open({ group, broker, window, limits, pulse: pulse.buffer })
  const heart = pulse.beat()
  const tell = (message: ToConnection): void => port.postMessage(message)
  const on = listening(port)
  const lanes = new Lanes()
  let held = 0
  let allEnded = (): void => {}

  // Sends the ends in one message per turn of the event loop.
  let ended: End[] = []
  const say = (end: End): void => {
    if (ended.length === 0) setImmediate(flush)
    ended.push(end)
  }
  const flush = (): void => {
    if (ended.length > 0) tell({ kind: 'ends', ends: ended })
    ended = []
  }

  // Skipped deliveries: the broker sends them again, and the connection need not hold them.
  let skipped: number[] = []
  const skip = (n: number): void => {
    if (skipped.length === 0) {
      setImmediate(() => {
        tell({ kind: 'skipped', ns: skipped })
        skipped = []
      })
    }
    skipped.push(n)
  }

  /** Numbers the connections: a failed delivery of an earlier one must not skip deliveries of this one. */
  let connection = 0

  /** What to do once the broker has heard of a failed delivery, by delivery. */
  const failed = new Map<number, () => void>()
  const waiting: ((isHeld: boolean) => void)[] = []
  /** Does this process still hold its deliveries? Usually known at once. */
  const isHeld = (): boolean | Promise<boolean> =>
    pulse.isHeld ||
    new Promise((resolve) => {
      if (waiting.push(resolve) === 1) tell({ kind: 'renew' })
    })

  const work = async ({ n, topic, stamp: properties }: Offer, payload: Uint8Array, claims: Int32Array, i: number) => {
    const command = commands.get(topic)
    const stamp = stampOf(properties)
    if (!command || !stamp) return log.error({ topic }, 'ignored a delivery of an unknown command or without a stamp')
    const { 'user-id': user, lane } = stamp
    const broughtBy = connection
    const run = async () => {
      const since = ran ? performance.now() : 0
      pulse.enter(n)
      const running = execute(topic, command, payload, stamp, shop)
      pulse.enter(0)
      const done = await running
      ran?.(topic, (performance.now() - since) / 1000, done.outcome === 'retry' ? done.code : undefined)
      return seal(done, (pulse.maxPacket ?? Infinity) - HEADER, log)
    }
    if (lane === undefined) {
      if (begin(claims, i)) say({ n, ...(await run()) })
      return
    }
    let hasBegun = false
    await lanes.run(user, lane, async () => {
      const isOurs = isHeld()
      if (!(isOurs === true || (await isOurs)) || !begin(claims, i)) return
      hasBegun = true
      const sealed = await run()
      if (sealed.isRetry && broughtBy === connection) {
        lanes.skip(user, lane)
        failed.set(n, () => lanes.heard(user, lane))
      }
      say({ n, ...sealed }) // the user's next delivery need not wait until it is sent
    })
    if (!hasBegun) skip(n)
  }

  on('offers', ({ offers, payloads, claims }) => {
    let at = 0
    for (const [i, offer] of offers.entries()) {
      const payload = payloads.subarray(at, (at += offer.bytes))
      held++
      void work(offer, payload, claims, i).finally(() => {
        if (--held === 0) allEnded()
      })
    }
  })
  on('heard', ({ n }) => {
    failed.get(n)?.()
    failed.delete(n)
  })
  on('lost', () => {
    connection++
    lanes.skipAll()
    failed.clear()
  })
  on('renewed', ({ isHeld }) => {
    for (const resolve of waiting.splice(0)) resolve(isHeld)
  })
  on('log', ({ level, fields, text }) => log[level](fields, text))

  const heard = <Kind extends ToMain['kind']>(kind: Kind) =>
    new Promise<Extract<ToMain, { kind: Kind }>>((resolve) => on(kind, resolve))
  const end = (): void => {
    heart()
    port.close()
  }
  const refusal = await Promise.race([heard('serving').then(() => undefined), heard('failed')])
  if (refusal) {
    end()
    throw new Error(refusal.message)
  }

  return {
    async close() {
      shop.isStopping = true
      for (const attempt of shop.running) Attempt.abort(attempt)
      const drained = heard('drained')
      tell({ kind: 'drain' })
      await drained
      let timer: NodeJS.Timeout | undefined
      const isOver = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          log.warn({ count: held }, 'commands did not finish in time and were given back to the broker')
          resolve()
        }, drainMs)
      })
      const finished = held === 0 ? undefined : new Promise<void>((resolve) => (allEnded = resolve))
      await Promise.race([finished, isOver])
      clearTimeout(timer)
      flush()
      const closed = heard('closed')
      tell({ kind: 'close' })
      await closed
      end()
    },
  }
}

/** Listens on a port, with one listener for each kind of message. */
function listening(port: MessagePort) {
  const listeners = new Map<string, (message: never) => void>()
  port.on('message', (message: ToMain) => listeners.get(message.kind)?.(message as never))
  return <Kind extends ToMain['kind']>(
    kind: Kind,
    listener: (message: Extract<ToMain, { kind: Kind }>) => void,
  ): void => {
    listeners.set(kind, listener)
  }
}
