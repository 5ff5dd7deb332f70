import { randomUUID } from 'node:crypto'
import type { MessagePort } from 'node:worker_threads'
import { encodeDone, type Done } from '../../wire/done.ts'
import { BUSY_TOPIC, inPackets, KEEPS_TIME, type Busy, type Delivery } from '../../wire/member.ts'
import { KEEPS_ORDER } from '../../wire/stamp.ts'
import { DONE_TOPIC } from '../../wire/topic.ts'
import { authorities } from './authorities.ts'
import { claims } from './claim.ts'
import { BrokerRefusal, ConnectionLost } from './client-faults.ts'
import { Client, type Answered } from './client.ts'
import { Holdings, type Held } from './held.ts'
import { KEEPALIVE, Pulse, TICK } from './pulse.ts'
import { Running, type Stuck } from './running.ts'
import type { ConnectionOptions, End, Offer, ToConnection, ToMain } from './seam.ts'

/** No limit that MQTT can name. */
const UNLIMITED = 2 ** 28

/** Reasons for which the broker refuses an end for good; for any other it has put the command off by itself. */
const REFUSED_FOR_GOOD = new Set([0x87, 0x99])

/**
 * Keeps one group's connection to the broker: connects, again when it is lost, and subscribes; offers what comes to the main
 * thread, in batches; publishes how each ended. When the main thread does not answer for a second, all that it has not begun goes
 * back to the broker. When it has computed for longer than what it runs may take, this process is stuck: it ends itself, unless a
 * debugger may be attached.
 * @param running what the main thread runs for this connection and others
 */
export function keepConnection(port: MessagePort, options: ConnectionOptions, running = new Running()): void {
  const { group, broker, limits } = options
  const topics = Object.keys(limits)
  const pulse = new Pulse(options.pulse)
  const say = (message: ToMain, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)
  const log = (level: 'info' | 'warn' | 'error', fields: object, text: string): void =>
    say({ kind: 'log', level, fields, text })

  const secureContext = authorities(broker, (file, reason) =>
    log('warn', { file, reason }, 'the CA file cannot be read; what it held before is believed'),
  )
  const client = new Client(
    {
      url: broker.url,
      login: {
        clientId: `${group}.${randomUUID()}`,
        username: broker.ownKey ? `handler:${group}` : 'handler',
        password: broker.key,
        keepalive: KEEPALIVE,
        receiveMaximum: options.window,
        userProperties: [
          [KEEPS_ORDER, 'true'],
          [KEEPS_TIME, 'true'],
        ],
      },
      secureContext,
    },
    {
      message: ({ topic, payload, properties }) => arrives(topic, payload, properties?.userProperties),
      heard: () => pulse.heard(),
      connected({ maximumPacketSize = UNLIMITED }) {
        pulse.maxPacket = Math.min(maximumPacketSize, UNLIMITED)
        pulse.heard()
        if (!isDraining) void subscribe()
      },
      lost() {
        arrived = []
        isServing = isBusy = isToldBusy = false
        toldStuck = undefined
        held.letGo()
        say({ kind: 'lost' })
      },
      away: () => log('warn', { url: broker.url }, 'the broker is away'),
      failed(err) {
        log('error', { url: broker.url, reason: err.message }, 'the connection to the broker failed')
        if (hasServed || ('code' in err && NOT_THERE.has(String(err.code)))) return
        clearInterval(timer)
        isClosed()
        void client.end()
        say({ kind: 'failed', message: err.message })
      },
    },
  )

  const held = new Holdings()
  const isClosed = running.add({ held, pulse, limits })
  let lastN = 0
  let isDraining = false
  let isServing = false
  let hasServed = false

  // What comes, in one message for each turn of the event loop.
  let arrived: (Offer & { payload: Buffer; one: Omit<Held, 'claims' | 'i'> })[] = []
  const arrives = (topic: string, payload: Buffer, properties: [string, string][] = []): void => {
    const stamp = Object.fromEntries(properties)
    const { 'command-id': command = '', attempt } = stamp
    const n = ++lastN
    const one = { n, name: topic, command, attempt: Number(attempt), timeoutMs: limits[topic] ?? 0 }
    if (arrived.length === 0) setImmediate(offer)
    arrived.push({ n, topic, stamp, bytes: payload.length, payload, one })
  }
  const offer = (): void => {
    const batch = arrived
    arrived = []
    if (batch.length === 0) return
    if (isBusy) return giveBack(batch.map(({ one }) => one))
    const states = claims(batch.length)
    const payloads = new Uint8Array(batch.reduce((sum, { bytes }) => sum + bytes, 0))
    let at = 0
    const offers = batch.map(({ n, topic, stamp, bytes, payload, one }, i): Offer => {
      payloads.set(payload, at)
      at += bytes
      held.add({ ...one, claims: states, i })
      return { n, topic, stamp, bytes }
    })
    say({ kind: 'offers', offers, payloads, claims: states }, [payloads.buffer])
  }

  // What is said to the broker.
  let unanswered = 0
  let allAnswered = (): void => {}
  const publish = (end: string, answered: Answered): void => {
    unanswered++
    client.publish(DONE_TOPIC, end, (err) => {
      unanswered--
      answered(err)
      if (unanswered === 0) allAnswered()
    })
  }
  const nothing = encodeDone({ command: '', attempt: 1, outcome: 'retry', code: 'unavailable' })
  /** Resolves when the broker has dealt with all that was said; with false, on another connection. */
  const ask = (): Promise<boolean> => {
    const { connection } = client
    return new Promise((resolve) => {
      publish(nothing, () => resolve(connection !== undefined && connection === client.connection))
    })
  }
  const end = ({ n, body, isRetry }: End): void => {
    const one = held.get(n)
    const isHeard = (): void => {
      offer() // what the broker sent before it heard of the failure is left undone, so it must not come behind that
      say({ kind: 'heard', n })
    }
    if (one && held.delete(n)) {
      publish(body, (err) => {
        if (err) refused(one, err)
        if (isRetry) isHeard()
      })
    } else if (isRetry) void ask().then(isHeard) // it has been ended otherwise
  }
  const refused = ({ command, attempt }: Held, err: Error): void => {
    if (err instanceof ConnectionLost) return // the broker gives it to another
    log('error', { id: command, attempt, reason: err.message }, 'the broker refused the end of a command')
    if (err instanceof BrokerRefusal && !REFUSED_FOR_GOOD.has(err.reasonCode)) return
    const failed: Done = { command, attempt, outcome: 'retry', code: 'internal' }
    publish(encodeDone(failed), () => {}) // in case the broker could not read which command it was
  }

  // While the main thread stands still.
  let isBusy = false
  let isToldBusy = false
  let toldStuck: Stuck | undefined
  const tellBusy = (body: Busy): void => client.send(BUSY_TOPIC, JSON.stringify(body))
  const giveBack = (all: Delivery[]): void => {
    const stuck = toldStuck && { command: toldStuck.name, over_ms: toldStuck.overMs }
    for (const back of inPackets(all, pulse.maxPacket)) tellBusy({ busy: isBusy, back, ...(stuck && { stuck }) })
  }
  const becomeBusy = (): void => {
    isBusy = true
    giveBack(held.takeBackWaiting())
    void ask().then((isSame) => (isToldBusy = isSame && isBusy)) // what comes until then was sent before
  }
  const becomeFree = (): void => {
    isBusy = isToldBusy = false
    toldStuck = undefined
    tellBusy({ busy: false, back: [] })
  }
  const endOverrun = (): void => {
    const { entered } = running
    for (const one of held.overrun(running.now, entered)) {
      const { command, attempt, timeoutMs } = one
      held.abandon(one)
      log('error', { id: command, timeoutMs }, 'the handler computed for longer than its time limit')
      publish(encodeDone({ command, attempt, outcome: 'retry', code: 'timeout' }), () => {})
    }
  }
  /** Nothing that is left here is at fault, and it may never end: all of it goes back. */
  const becomeStuck = (stuck: Stuck): void => {
    toldStuck = stuck
    giveBack(held.letGo())
  }
  const timer = setInterval(() => {
    pulse.tick()
    running.look()
    const stuck = pulse.isStalled ? running.stuck(pulse.silentMs) : undefined
    if (stuck?.mustEnd && !pulse.isDebugged) running.end(group, stuck)
    if (!client.isConnected || !isServing) return
    if (pulse.isStalled && !isBusy) becomeBusy()
    if (!pulse.isStalled && isToldBusy) becomeFree()
    if (isBusy) endOverrun()
    if (isBusy && stuck && !toldStuck) becomeStuck(stuck)
  }, TICK)

  const subscribe = async (): Promise<void> => {
    try {
      // QoS 0: a delivery is ended by `$done`, and a lost connection gives it to another; a PUBACK would end it at once.
      const codes = await client.subscribe(topics, 0)
      isServing = true
      const denied = topics.filter((_, i) => codes[i]! >= 0x80)
      if (denied.length > 0) log('error', { group, denied }, 'the key does not open these commands')
      else log('info', { group, commands: topics.length }, 'serving')
      if (!hasServed) say({ kind: 'serving' })
      hasServed = true
    } catch (err) {
      if (!(err instanceof ConnectionLost)) log('error', { reason: (err as Error).message }, 'cannot subscribe')
    }
  }

  const close = async (): Promise<void> => {
    clearInterval(timer)
    isClosed()
    const left = held.letGo()
    isBusy = true
    if (left.length > 0) giveBack(left)
    if (unanswered > 0) await new Promise<void>((resolve) => (allAnswered = resolve))
    await client.end()
  }
  port.on('message', (message: ToConnection) => {
    switch (message.kind) {
      case 'ends':
        for (const one of message.ends) end(one)
        return
      case 'left':
        for (const n of message.ns) held.delete(n)
        return
      case 'renew':
        return void ask().then((isHeld) => say({ kind: 'renewed', isHeld }))
      case 'drain':
        isDraining = true
        return void client
          .unsubscribe(topics)
          .catch(() => {}) // there is no connection, and nothing comes
          .then(() => {
            offer()
            say({ kind: 'drained' })
          })
      case 'close':
        return void close().then(() => say({ kind: 'closed' }))
    }
  })
}

/** What the first connection waits out, for as long as it takes; not a refused key or certificate. */
const NOT_THERE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
])
