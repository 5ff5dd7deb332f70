import { randomUUID } from 'node:crypto'
import type { MessagePort } from 'node:worker_threads'
import { encodeDone, type Done } from '../../wire/done.ts'
import { handlerUsername } from '../../handler-username.ts'
import { BUSY_TOPIC, inPackets, KEEPS_TIME, type Busy, type Delivery } from '../../wire/member.ts'
import { KEEPS_ORDER } from '../../wire/stamp.ts'
import { DONE_TOPIC } from '../../wire/topic.ts'
import { authorities } from './authorities.ts'
import { claims } from './claim.ts'
import { BrokerRefusal, ConnectionLost } from './client-faults.ts'
import { Client, type Answered } from './client.ts'
import { currentKey } from './current-key.ts'
import { Holdings, type Held } from './held.ts'
import { KEEPALIVE, Pulse, TICK } from './pulse.ts'
import { Running, type Stuck } from './running.ts'
import type { ConnectionOptions, End, Offer, ToConnection, ToMain } from './seam.ts'

/** Larger than any packet that MQTT allows. */
const UNLIMITED = 2 ** 28

/** Reason codes with which the broker refuses an end for good. With any other it has postponed the command itself. */
const REFUSED_FOR_GOOD = new Set([0x87, 0x99])

/**
 * Keeps one group's connection to the broker: connects, reconnects when the connection is lost, subscribes, offers deliveries to
 * the main thread in batches, and publishes how each ended. When the main thread shows no sign of life for a second, the
 * deliveries that it has not begun are given back to the broker. When it computes past the time limits of all that it runs, the
 * process is stuck and ends itself, unless a debugger may be attached.
 * @param running what the main thread runs, for this connection and the process's others
 */
export function keepConnection(port: MessagePort, options: ConnectionOptions, running = new Running()): void {
  const { group, broker, limits } = options
  const topics = Object.keys(limits)
  const pulse = new Pulse(options.pulse)
  const say = (message: ToMain, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)
  const log = (level: 'info' | 'warn' | 'error', fields: object, text: string): void =>
    say({ kind: 'log', level, fields, text })

  const secureContext = authorities(broker, (file, reason) =>
    log('warn', { file, reason }, 'cannot read the CA file; still trusting its earlier content'),
  )
  const client = new Client(
    {
      url: broker.url,
      login: {
        clientId: `${group}.${randomUUID()}`,
        username: handlerUsername(broker.ownKey ? group : undefined),
        get password() {
          return currentKey(broker, group)
        },
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
      away: () => log('warn', { url: broker.url }, 'cannot reach the broker; trying again'),
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

  // Offers what arrives in one message per turn of the event loop.
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

  // Publishing to the broker.
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
  /** Resolves when the broker has processed everything published before; with false when the connection has changed meanwhile. */
  const ask = (): Promise<boolean> => {
    const { connection } = client
    return new Promise((resolve) => {
      publish(nothing, () => resolve(connection !== undefined && connection === client.connection))
    })
  }
  const end = ({ n, body, isRetry }: End): void => {
    const one = held.get(n)
    const isHeard = (): void => {
      offer() // what the broker sent before it heard of the failure must reach the main thread first, to be skipped
      say({ kind: 'heard', n })
    }
    if (one && held.delete(n)) {
      publish(body, (err) => {
        if (err) refused(one, err)
        if (isRetry) isHeard()
      })
    } else if (isRetry) void ask().then(isHeard) // its end was already sent, as a timeout
  }
  const refused = ({ command, attempt }: Held, err: Error): void => {
    if (err instanceof ConnectionLost) return // the broker gives it to another member
    log('error', { id: command, attempt, reason: err.message }, 'the broker did not accept the result of a command')
    if (err instanceof BrokerRefusal && !REFUSED_FOR_GOOD.has(err.reasonCode)) return
    const failed: Done = { command, attempt, outcome: 'retry', code: 'internal' }
    publish(encodeDone(failed), () => {}) // in case the broker could not tell which command the result was for
  }

  // While the main thread is blocked.
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
    void ask().then((isSame) => (isToldBusy = isSame && isBusy)) // what arrives until then was sent before the broker knew
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
      log('error', { id: command, timeoutMs }, 'the handler computed past its time limit: attempt ended as a timeout')
      publish(encodeDone({ command, attempt, outcome: 'retry', code: 'timeout' }), () => {})
    }
  }
  /** The deliveries still held are not at fault, and may never finish here: gives all of them back. */
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
      // QoS 0: `$done` ends a delivery, and after a lost connection another member gets it; a PUBACK would end it at once.
      const codes = await client.subscribe(topics, 0)
      isServing = true
      const denied = topics.filter((_, i) => codes[i]! >= 0x80)
      if (denied.length > 0)
        log('error', { group, denied }, 'the broker refused these commands: the key does not grant them')
      else log('info', { group, commands: topics.length }, 'serving')
      if (!hasServed) say({ kind: 'serving' })
      hasServed = true
    } catch (err) {
      if (!(err instanceof ConnectionLost))
        log('error', { reason: (err as Error).message }, "cannot subscribe to the group's commands")
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
      case 'skipped':
        for (const n of message.ns) held.delete(n)
        return
      case 'renew':
        return void ask().then((isHeld) => say({ kind: 'renewed', isHeld }))
      case 'drain':
        isDraining = true
        return void client
          .unsubscribe(topics)
          .catch(() => {}) // not connected, so nothing new comes
          .then(() => {
            offer()
            say({ kind: 'drained' })
          })
      case 'close':
        return void close().then(() => say({ kind: 'closed' }))
    }
  })
}

/** Errors after which the first connection is tried again without end; not a refused key or certificate. */
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
