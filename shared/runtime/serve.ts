import { randomUUID } from 'node:crypto'
import { createSecureContext, type ConnectionOptions } from 'node:tls'
import {
  connect,
  ErrorWithReasonCode,
  ErrorWithSubackPacket,
  type IClientOptions,
  type IPublishPacket,
  type MqttClient,
} from 'mqtt'
import type { Logger } from '../log.ts'
import type { Closable } from '../shutdown.ts'
import type { Store } from '../store/documents.ts'
import { encodeDone } from '../wire/done.ts'
import { DONE_TOPIC } from '../wire/topic.ts'
import { KEEPS_ORDER, stamp } from '../wire/stamp.ts'
import type { HandlerSettings } from './command.ts'
import { equip, execute, type Workshop } from './execute.ts'
import { Lanes } from './lanes.ts'
import { KEEPALIVE, Lease } from './lease.ts'
import type { Commands } from './scan.ts'
import { seal } from './seal.ts'

export interface ServeOptions {
  group: string
  commands: Commands
  store: Store
  settings: HandlerSettings
  log: Logger
  broker: { url: string; ca: string[]; key: string; ownKey: boolean }
  /** Commands held at a time: the Receive Maximum that the broker keeps to. */
  window: number
}

/**
 * Serves one group until it is closed: makes what it keeps in the store, connects (and waits for a broker that is not there
 * yet), subscribes to its commands, runs each, and publishes its end. A lost connection is made again; what was held is then
 * another's, and what ends late changes nothing. `close` drains: nothing new is taken, what is held is finished, and the broker
 * has acknowledged every end.
 * @throws what `equip` throws, and the first connection's error, when the broker refuses key or certificate
 */
export async function serveGroup(options: ServeOptions): Promise<Closable> {
  const { group, commands, log, broker } = options
  const shop: Workshop = { store: options.store, settings: options.settings, log, built: new Map() }
  await equip([...commands.values()], shop)
  const held = new Set<Promise<void>>()
  const topics = [...commands.keys()]

  const login: IClientOptions & ConnectionOptions = {
    protocolVersion: 5,
    clientId: `${group}.${randomUUID()}`,
    username: broker.ownKey ? `handler:${group}` : 'handler',
    password: broker.key,
    secureContext: createSecureContext({ ca: broker.ca }), // made once: each attempt would cost 0.5 MB
    clean: true,
    keepalive: KEEPALIVE,
    reconnectPeriod: 500,
    reconnectOnConnackError: true, // a key may be on its way to the broker
    resubscribe: false, // done on every connect, below, and its answer looked at
    properties: { receiveMaximum: options.window, userProperties: { [KEEPS_ORDER]: 'true' } },
  }
  const client = connect(broker.url, login)
  let draining = false
  /** Of one `$done`: the broker's Maximum Packet Size, less its header. */
  let mostBytes = Infinity
  client.on('connect', ({ properties }) => (mostBytes = (properties?.maximumPacketSize ?? Infinity) - HEADER))

  const subscribe = async (): Promise<void> => {
    noDelay(client)
    const denied = await deniedOf(client, topics)
    if (denied.length > 0) log.error({ group, denied }, 'the key does not open these commands')
    else log.info({ group, commands: topics.length }, 'serving')
  }
  const lanes = new Lanes()
  const say = (body: string): Promise<unknown> =>
    client.publishAsync(DONE_TOPIC, body, { qos: 1 }).catch((err: unknown) => {
      if (!(err instanceof ErrorWithReasonCode)) throw err
      log.error({ reason: refusal ?? err.message }, 'the broker refused the end of a command')
    })
  let refusal: string | undefined
  // An end of nothing, which changes nothing: its PUBACK shows that the connection is the one it was.
  const lease = new Lease(() => say(encodeDone({ command: '', attempt: 1, outcome: 'retry', code: 'unavailable' })))

  const work = async (topic: string, payload: Buffer, { properties }: IPublishPacket): Promise<void> => {
    const command = commands.get(topic)
    const stamped = stamp.safeParse(properties?.userProperties)
    if (!command || !stamped.success) return log.error({ topic }, 'a delivery without command or stamp, ignored')
    const { 'user-id': user, lane } = stamped.data
    const connection = client.stream
    const run = async () => seal(await execute(topic, command, payload, stamped.data, shop), mostBytes, log)
    if (lane === undefined) return void (await say((await run()).body))
    const said: Promise<unknown>[] = []
    await lanes.run(user, lane, async () => {
      const isHeld = lease.renew().then(
        () => true,
        () => false,
      )
      if (!(await isHeld) || connection !== client.stream) return
      const { body, isRetry } = await run()
      if (isRetry) lanes.leave(user, lane)
      said.push(say(body).then(() => isRetry && lanes.heard(user, lane))) // the next need not wait for it
    })
    await Promise.all(said)
  }

  client.on('message', (topic, payload, packet) => {
    const working = work(topic, payload, packet)
      .catch((err: Error) => log.warn({ topic, reason: err.message }, 'an end was not accepted'))
      .finally(() => held.delete(working))
    held.add(working)
  })
  client.on('packetreceive', (packet) => {
    const { cmd } = packet
    if (cmd === 'puback') refusal = packet.properties?.reasonString
    if (cmd === 'puback' || cmd === 'pingresp') lease.heard()
  })
  client.on('close', () => lanes.leaveAll())
  client.on('error', (err) => log.error({ reason: err.message }, 'connection'))
  client.on('offline', () => log.warn({ url: broker.url }, 'the broker is away'))
  await firstConnect(client)
  await subscribe()
  client.on('connect', () => {
    if (!draining) subscribe().catch((err: Error) => log.error({ reason: err.message }, 'cannot subscribe'))
  })

  return {
    async close() {
      draining = true
      if (client.connected) await client.unsubscribeAsync(topics).catch(() => {})
      while (held.size > 0) await Promise.all(held)
      lease.close()
      await client.endAsync()
    },
  }
}

/** Bytes of a PUBLISH besides its payload, and to spare. */
const HEADER = 64

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
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve())
      client.on('error', (err) => {
        if (!('code' in err && NOT_THERE.has(String(err.code)))) reject(err)
      })
    })
  } catch (err) {
    await client.endAsync(true)
    throw err
  }
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
