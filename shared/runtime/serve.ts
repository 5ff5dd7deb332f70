import { randomUUID } from 'node:crypto'
import { createSecureContext, type ConnectionOptions } from 'node:tls'
import { connect, ErrorWithSubackPacket, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import type { Logger } from '../log.ts'
import type { Closable } from '../shutdown.ts'
import type { Store } from '../store/documents.ts'
import { DONE_TOPIC } from '../wire/topic.ts'
import { stamp } from '../wire/stamp.ts'
import { execute, type Workshop } from './execute.ts'
import type { Commands } from './scan.ts'

export interface ServeOptions {
  group: string
  commands: Commands
  store: Store
  log: Logger
  broker: { url: string; ca: string[]; key: string; ownKey: boolean }
  /** Commands held at a time: the Receive Maximum that the broker keeps to. */
  window: number
}

/**
 * Serves one group until it is closed: connects (and waits for a broker that is not there yet), subscribes to its commands, runs each, and publishes its end. A lost
 * connection is made again; what was held is then another's, and what ends late changes nothing. `close` drains: nothing new
 * is taken, what is held is finished, and the broker has acknowledged every end.
 * @throws the first connection's error, when the broker refuses key or certificate
 */
export async function serveGroup(options: ServeOptions): Promise<Closable> {
  const { group, commands, log, broker } = options
  const shop: Workshop = { store: options.store, log, built: new Map() }
  const held = new Set<Promise<void>>()
  const topics = [...commands.keys()]

  const login: IClientOptions & ConnectionOptions = {
    protocolVersion: 5,
    clientId: `${group}.${randomUUID()}`,
    username: broker.ownKey ? `handler:${group}` : 'handler',
    password: broker.key,
    secureContext: createSecureContext({ ca: broker.ca }), // made once: each attempt would cost 0.5 MB
    clean: true,
    keepalive: 10,
    reconnectPeriod: 500,
    reconnectOnConnackError: true, // a key may be on its way to the broker
    resubscribe: false, // done on every connect, below, and its answer looked at
    properties: { receiveMaximum: options.window },
  }
  const client = connect(broker.url, login)
  let draining = false

  const subscribe = async (): Promise<void> => {
    noDelay(client)
    const denied = await deniedOf(client, topics)
    if (denied.length > 0) log.error({ group, denied }, 'the key does not open these commands')
    else log.info({ group, commands: topics.length }, 'serving')
  }
  const finish = async (topic: string, payload: Buffer, packet: IPublishPacket): Promise<void> => {
    const command = commands.get(topic)
    const stamped = stamp.safeParse(packet.properties?.userProperties)
    if (!command || !stamped.success) return log.error({ topic }, 'a delivery without command or stamp, ignored')
    const end = await execute(topic, command, payload, stamped.data, shop)
    await client.publishAsync(DONE_TOPIC, JSON.stringify(end), { qos: 1 })
  }

  client.on('message', (topic, payload, packet) => {
    const work = finish(topic, payload, packet)
      .catch((err: Error) => log.warn({ topic, reason: err.message }, 'an end was not accepted'))
      .finally(() => held.delete(work))
    held.add(work)
  })
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
      await client.endAsync()
    },
  }
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
