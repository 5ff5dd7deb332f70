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
  /** Commands held at a time: the Receive Maximum that the broker keeps to. */
  window: number
  /** Where the connection is kept; by default in a thread of its own. */
  open?: OpenConnection
  /** Milliseconds in which what runs may end when it is closed. */
  drainMs?: number
}

/**
 * Milliseconds in which what runs may end when the process stops; then it is given back. Less than what `closeOnSignal` waits
 * for, and what Docker and Kubernetes wait for.
 */
const DRAIN = 20_000

/** Bytes of a PUBLISH besides its payload, and to spare. */
const HEADER = 64

/**
 * Serves one group until it is closed: makes what it keeps in the store, connects (and waits for a broker that is not there
 * yet), subscribes to its commands, runs each, and publishes its end. A lost connection is made again; what was held is then
 * another's, and what ends late changes nothing. `close` drains: nothing new is taken, what runs is told by its signal, and
 * what is held is finished, or given back after 20 s; the broker has acknowledged every end.
 * @throws what `equip` throws, and the first connection's error, when the broker refuses key or certificate
 */
export async function serveGroup(options: ServeOptions): Promise<Closable> {
  const { group, commands, log, broker, window, open = inOwnThread, drainMs = DRAIN } = options
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

  // How each ended, in one message for each turn of the event loop.
  let ended: End[] = []
  const say = (end: End): void => {
    if (ended.length === 0) setImmediate(flush)
    ended.push(end)
  }
  const flush = (): void => {
    if (ended.length > 0) tell({ kind: 'ends', ends: ended })
    ended = []
  }

  // What was left undone: the broker sends it again, and the connection need not hold it.
  let left: number[] = []
  const leave = (n: number): void => {
    if (left.length === 0) {
      setImmediate(() => {
        tell({ kind: 'left', ns: left })
        left = []
      })
    }
    left.push(n)
  }

  /** Counts connections: what an earlier one brought and failed says nothing of what this one brings. */
  let connection = 0

  /** Of those who failed: what waits for the broker to have heard it. */
  const failed = new Map<number, () => void>()
  const waiting: ((isHeld: boolean) => void)[] = []
  /** Is what this process holds still its own? Known at once as a rule. */
  const isHeld = (): boolean | Promise<boolean> =>
    pulse.isHeld ||
    new Promise((resolve) => {
      if (waiting.push(resolve) === 1) tell({ kind: 'renew' })
    })

  const work = async ({ n, topic, stamp: properties }: Offer, payload: Uint8Array, claims: Int32Array, i: number) => {
    const command = commands.get(topic)
    const stamp = stampOf(properties)
    if (!command || !stamp) return log.error({ topic }, 'a delivery without command or stamp, ignored')
    const { 'user-id': user, lane } = stamp
    const broughtBy = connection
    const run = async () => {
      pulse.enter(n)
      const running = execute(topic, command, payload, stamp, shop)
      pulse.enter(0)
      return seal(await running, (pulse.maxPacket ?? Infinity) - HEADER, log)
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
        lanes.leave(user, lane)
        failed.set(n, () => lanes.heard(user, lane))
      }
      say({ n, ...sealed }) // the next need not wait for it
    })
    if (!hasBegun) leave(n)
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
    lanes.leaveAll()
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
          log.warn({ count: held }, 'gives back what did not end in time')
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

/** Listens to what comes by a port, each message by its kind. */
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
