import { randomUUID } from 'node:crypto'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import type { MessagePort } from 'node:worker_threads'
import {
  connect,
  ErrorWithReasonCode,
  ErrorWithSubackPacket,
  type IClientOptions,
  type IPublishPacket,
  type MqttClient,
} from 'mqtt'
import { encodeDone, type Done } from '../../wire/done.ts'
import { BUSY_TOPIC, inPackets, KEEPS_TIME, type Busy, type Delivery } from '../../wire/member.ts'
import { KEEPS_ORDER } from '../../wire/stamp.ts'
import { DONE_TOPIC } from '../../wire/topic.ts'
import { authorities } from './authorities.ts'
import { claims } from './claim.ts'
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
  const login: IClientOptions & TlsOptions = {
    protocolVersion: 5,
    clientId: `${group}.${randomUUID()}`,
    username: broker.ownKey ? `handler:${group}` : 'handler',
    password: broker.key,
    secureContext: secureContext(),
    clean: true,
    keepalive: KEEPALIVE,
    reconnectPeriod: 500,
    reconnectOnConnackError: true, // a key may be on its way to the broker
    resubscribe: false, // done on every connect, below, and its answer looked at
    queueQoSZero: false, // `$busy` is about this connection alone
    properties: {
      receiveMaximum: options.window,
      userProperties: { [KEEPS_ORDER]: 'true', [KEEPS_TIME]: 'true' },
    },
  }
  const client = connect(broker.url, login)
  client.on('reconnect', () => Object.assign(client.options, { secureContext: secureContext() }))

  const held = new Holdings()
  const isClosed = running.add({ held, pulse, limits })
  let lastN = 0
  let isDraining = false
  let isServing = false

  // What comes, in one message for each turn of the event loop.
  let arrived: (Offer & { payload: Buffer; one: Omit<Held, 'claims' | 'i'> })[] = []
  client.on('message', (topic, payload, packet: IPublishPacket) => {
    const stamp = packet.properties?.userProperties ?? {}
    const { 'command-id': command = '', attempt } = stamp as Record<string, string>
    const n = ++lastN
    const one = { n, name: topic, command, attempt: Number(attempt), timeoutMs: limits[topic] ?? 0 }
    if (arrived.length === 0) setImmediate(offer)
    arrived.push({ n, topic, stamp, bytes: payload.length, payload, one })
  })
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
  const pending = new Set<Promise<unknown>>()
  let refusal: string | undefined
  const publish = (end: string): Promise<unknown> => {
    const stored = client.publishAsync(DONE_TOPIC, end, { qos: 1 }).finally(() => pending.delete(stored))
    pending.add(stored)
    return stored
  }
  const nothing = encodeDone({ command: '', attempt: 1, outcome: 'retry', code: 'unavailable' })
  /** Resolves when the broker has dealt with all that was said; with false, on another connection. */
  const ask = async (): Promise<boolean> => {
    const { stream } = client
    await publish(nothing).catch(() => {})
    return stream === client.stream
  }
  const end = async ({ n, body, isRetry }: End): Promise<void> => {
    const one = held.get(n)
    if (one && held.delete(n)) await publish(body).catch((err: Error) => refused(one, err))
    else if (isRetry) await ask() // it has been ended otherwise
    if (!isRetry) return
    offer() // what the broker sent before it heard of the failure is left undone, so it must not come behind that
    say({ kind: 'heard', n })
  }
  const refused = ({ command, attempt }: Held, err: Error): void => {
    const reason = err instanceof ErrorWithReasonCode ? (refusal ?? err.message) : err.message
    log('error', { id: command, attempt, reason }, 'the broker refused the end of a command')
    if (!(err instanceof ErrorWithReasonCode && REFUSED_FOR_GOOD.has(err.code))) return
    const failed: Done = { command, attempt, outcome: 'retry', code: 'internal' }
    publish(encodeDone(failed)).catch(() => {}) // in case the broker could not read which command it was
  }

  // While the main thread stands still.
  let isBusy = false
  let isToldBusy = false
  let toldStuck: Stuck | undefined
  const tellBusy = (body: Busy): void => void client.publish(BUSY_TOPIC, JSON.stringify(body), { qos: 0 }, () => {})
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
      publish(encodeDone({ command, attempt, outcome: 'retry', code: 'timeout' })).catch(() => {})
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
    if (!client.connected || !isServing) return
    if (pulse.isStalled && !isBusy) becomeBusy()
    if (!pulse.isStalled && isToldBusy) becomeFree()
    if (isBusy) endOverrun()
    if (isBusy && stuck && !toldStuck) becomeStuck(stuck)
  }, TICK)

  client.on('packetreceive', (packet) => {
    if (packet.cmd === 'puback') refusal = packet.properties?.reasonString
    if (packet.cmd === 'puback' || packet.cmd === 'pingresp') pulse.heard()
  })
  client.on('close', () => {
    arrived = []
    isServing = isBusy = isToldBusy = false
    toldStuck = undefined
    held.letGo()
    say({ kind: 'lost' })
  })
  client.on('error', (err) => log('error', { reason: err.message }, 'connection'))
  client.on('offline', () => log('warn', { url: broker.url }, 'the broker is away'))

  const subscribe = async (): Promise<void> => {
    noDelay(client)
    const denied = await deniedOf(client, topics)
    isServing = true
    if (denied.length > 0) log('error', { group, denied }, 'the key does not open these commands')
    else log('info', { group, commands: topics.length }, 'serving')
  }
  client.on('connect', ({ properties }) => {
    pulse.maxPacket = Math.min(properties?.maximumPacketSize ?? UNLIMITED, UNLIMITED)
    pulse.heard()
  })

  const close = async (): Promise<void> => {
    clearInterval(timer)
    isClosed()
    const left = held.letGo()
    isBusy = true
    if (left.length > 0) giveBack(left)
    while (pending.size > 0) await Promise.allSettled(pending)
    await client.endAsync()
  }
  port.on('message', (message: ToConnection) => {
    switch (message.kind) {
      case 'ends':
        for (const one of message.ends) void end(one)
        return
      case 'left':
        for (const n of message.ns) held.delete(n)
        return
      case 'renew':
        return void ask().then((isHeld) => say({ kind: 'renewed', isHeld }))
      case 'drain':
        isDraining = true
        return void (client.connected ? client.unsubscribeAsync(topics).catch(() => {}) : Promise.resolve()).then(
          () => {
            offer()
            say({ kind: 'drained' })
          },
        )
      case 'close':
        return void close().then(() => say({ kind: 'closed' }))
    }
  })

  firstConnect(client)
    .then(subscribe)
    .then(
      () => {
        say({ kind: 'serving' })
        client.on('connect', () => {
          if (!isDraining) subscribe().catch((err: Error) => log('error', { reason: err.message }, 'cannot subscribe'))
        })
      },
      (err: Error) => {
        clearInterval(timer)
        isClosed()
        client.end(true)
        say({ kind: 'failed', message: err.message })
      },
    )
}

const NOT_THERE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/** Waits for the broker as long as it takes, but not for a refused key or certificate. */
async function firstConnect(client: MqttClient): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve())
    client.on('error', (err) => {
      if (!('code' in err && NOT_THERE.has(String(err.code)))) reject(err)
    })
  })
}

/** Subscribes, and resolves with what the broker denies; a broken connection rejects. */
async function deniedOf(client: MqttClient, topics: string[]): Promise<string[]> {
  try {
    // QoS 0: a delivery is ended by `$done`, and a lost connection gives it to another; a PUBACK would end it at once.
    await client.subscribeAsync(topics, { qos: 0 })
    return []
  } catch (err) {
    if (!(err instanceof ErrorWithSubackPacket)) throw err
    const { granted } = err.packet
    return topics.filter((_, i) => Number(granted[i]) >= 0x80)
  }
}

function noDelay({ stream }: MqttClient): void {
  if ('setNoDelay' in stream && typeof stream.setNoDelay === 'function') stream.setNoDelay(true)
}
