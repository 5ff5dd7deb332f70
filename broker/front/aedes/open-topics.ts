import type { Subscription } from 'aedes'
import type { Outbox } from '../../../shared/outbox.ts'
import { isMqttString } from '../../../shared/wire/mqtt-string.ts'
import { refuse } from '../../../shared/wire/refusal.ts'
import { stamp } from '../../../shared/wire/stamp.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import { steady } from '../../../shared/steady.ts'
import { connectionOf } from './connection.ts'
import { Copies } from './copies.ts'
import type { InnerClient, StoredPacket } from './internals.ts'
import {
  OPEN,
  type KeptSessions,
  type MessageProperties,
  type MessageTarget,
  type OpenMatch,
  type SessionMessage,
} from '../../seam/kept-sessions.ts'
import type { Incoming } from '../../seam/messages.ts'
import { RetainedMessages, type OpenMessage, type RetainedBounds } from './retained.ts'
import { publishBytes } from './packet-bytes.ts'
import { packetOf } from './stored-packet.ts'
import { welcoming } from './welcome.ts'

/** What Aedes numbers and we do not. */
const OF_NO_SESSION = { dup: false, brokerId: '', brokerCounter: 0 } as const

/** Bytes of an open topic, at most: it is the key under which its retained message is stored. */
const MAX_TOPIC_BYTES = 1_024

type Qos = 0 | 1 | 2

export interface OpenPorts {
  storage: Storage
  store: KeptSessions
  retained: RetainedBounds
  maxUnsentBytes: number
  fault: (err: Error) => void
  /** The connection that has this session now. */
  clientOf: (session: string) => InnerClient | undefined
  mayReceive(session: string, topic: string): boolean
  /** The packet as its client can take it, if at all. */
  fitting(client: InnerClient, packet: StoredPacket): StoredPacket | undefined
  /** Gives a QoS 1 or 2 packet its message id, and notes it. False when it has to wait for those before it. */
  sends(client: InnerClient, packet: StoredPacket): boolean
  /** The next message id of a client whose session ends with its connection. */
  nextId(client: InnerClient): number
}

/** A session that gets a message, and how. */
type Receiver = Omit<MessageTarget, 'qos'> & { qos: Qos }

export type OpenTopics = ReturnType<typeof openTopics>

/**
 * Open topics: MQTT's own semantics, wildcards, retained messages and QoS 2 among them. Aedes does not deliver them: it lowers
 * no QoS 2 message to a wildcard subscription of QoS 1, and sends retained ones under message ids that others may have.
 */
export function openTopics(ports: OpenPorts) {
  const { storage, store } = ports
  const retained = new RetainedMessages(storage, ports.retained)
  const welcome = welcoming({
    retained,
    maxUnsentBytes: ports.maxUnsentBytes,
    clientOf: ports.clientOf,
    stateOf: (session) => store.get(session),
    hand: handRetained,
  })

  /** Hands a message to sessions: into the queues of those that last, and to their connections when that is stored. */
  function hand(unit: Unit, message: OpenMessage, to: readonly Receiver[]): void {
    const receivers = to.map((one) => {
      const qos = Math.min(message.qos, one.qos) as Qos
      return { ...one, qos, client: ports.clientOf(one.session), isKept: isKept(one.session, qos) }
    })
    const keeping = receivers.filter((one): one is typeof one & MessageTarget => one.isKept)
    const numbers = keeping.length > 0 ? store.keepMessage(unit, message, keeping) : []
    unit.afterwards(() => {
      let kept = 0
      for (const { session, qos, retain, ids, shared, client, isKept } of receivers) {
        const now = ports.clientOf(session)
        const number = isKept ? numbers[kept++]! : undefined
        if (!now || (number === undefined && now !== client)) continue
        const properties = { ...message.properties, ...(ids.length > 0 && { subscriptionIdentifier: [...ids] }) }
        const packet = { ...message, properties, qos, retain, ...(shared !== undefined && { shared }) }
        send(
          now,
          session,
          number === undefined ? { cmd: 'publish', ...packet, ...OF_NO_SESSION } : packetOf(number, packet),
        )
      }
    })
  }

  function send(client: InnerClient, session: string, kept: StoredPacket): void {
    if (!client.conn.writable || !ports.mayReceive(session, kept.topic)) return
    const packet = ports.fitting(client, kept)
    if (!packet) return store.drop(session, kept.brokerCounter)
    const { outbox, aliases } = connectionOf(client)
    if (isTooSlow(client, outbox, packet.qos)) return
    if (packet.qos > 0 && !ports.sends(client, packet)) return
    try {
      outbox.write(publishBytes(client, (client.version === 5 && aliases?.name(packet)) || packet))
    } catch (err) {
      client.conn.destroy(err as Error) // what a client sent cannot be written to another
    }
  }

  /** Tells who can be sent a message on this topic now. */
  function getsAtOnce(topic: string): (session: string) => boolean {
    return (session) => ports.clientOf(session) !== undefined && ports.mayReceive(session, topic)
  }

  /** What a member of a shared subscription had not acknowledged when its session ended goes to another [MQTT 5, 4.8.2]. */
  async function passOn(left: SessionMessage[]): Promise<void> {
    await stored((unit) => {
      for (const message of left) {
        const [session, match] = store.memberOf(message.shared!, getsAtOnce(message.topic)) ?? []
        const now = asOfNow(messageOf(message))
        if (session === undefined || !match || !now) continue
        const { qos, identifiers: ids } = match
        hand(unit, now, [{ session, qos, retain: message.retain, ids, shared: message.shared }])
      }
    })
  }
  store.passesOn((left) => void passOn(left).catch(ports.fault))

  /** Must this session's queue have it, so that it goes out once it is stored? */
  function isKept(session: string, qos: number): boolean {
    if (qos === 0) return false
    const client = ports.clientOf(session)
    return client ? !client.clean : (store.get(session)?.expiry ?? 0) > 0
  }

  /** Sends a message that no session keeps, and that is not retained. */
  function sendCopy(
    session: string,
    { qos: most, identifiers }: OpenMatch,
    message: OpenMessage,
    copies: Copies,
  ): void {
    const client = ports.clientOf(session)
    if (!client?.conn.writable || !ports.mayReceive(session, message.topic)) return
    const qos = Math.min(message.qos, most) as Qos
    const { outbox, aliases } = connectionOf(client)
    if (identifiers.length > 0 || aliases) {
      const ids = identifiers.length > 0 && { subscriptionIdentifier: identifiers }
      const own = { ...message, properties: { ...message.properties, ...ids } }
      return send(client, session, { ...own, cmd: 'publish', qos, retain: false, ...OF_NO_SESSION })
    }
    const { maximumPacketSize = Infinity, version } = client
    if (maximumPacketSize < Infinity && copies.form(version, qos).length > maximumPacketSize) return
    if (isTooSlow(client, outbox, qos)) return
    outbox.write(copies.bytes(version, qos, qos === 0 ? 0 : ports.nextId(client)))
  }

  function isTooSlow({ conn }: InnerClient, outbox: Outbox, qos: Qos): boolean {
    if (outbox.unsent <= ports.maxUnsentBytes) return false
    if (qos > 0) conn.destroy(new Error('too slow'))
    return true
  }

  return {
    /**
     * Publishes to an open topic. Resolves when it is stored in every session that must keep it, and retained if it says so.
     * @throws {Refusal} `unavailable` when it cannot be stored, `bad_payload`, `rate_limited`
     */
    async relay(sender: string, user: string | undefined, message: Incoming): Promise<void> {
      const { topic, payload, qos, retain, expiry } = message
      if (Buffer.byteLength(topic) > MAX_TOPIC_BYTES) throw refuse('bad_payload', { topic: 'is too long' })
      const unfit = unfitIn(message)
      if (unfit !== undefined) throw refuse('bad_payload', { [unfit]: 'holds control or non-characters' })
      const record: OpenMessage = {
        topic,
        payload,
        qos,
        properties: propertiesOf(message),
        ...(expiry !== undefined && { messageExpiry: steady() + expiry * 1000 }),
      }
      const matches = store.openTo(topic, sender, getsAtOnce(topic))
      if (!retain && !matches.some(([session, match]) => isKept(session, Math.min(qos, match.qos)))) {
        const copies = new Copies(record)
        for (const [session, match] of matches) sendCopy(session, match, record, copies)
        return
      }
      const write = (unit: Unit): void => {
        if (retain) retained.keep(unit, user, record)
        const to = matches.map(([session, { qos, keepsRetain, identifiers: ids, shared }]) => {
          return { session, qos, retain: retain && keepsRetain, ids, shared }
        })
        hand(unit, record, to)
      }
      await stored(write)
    },

    /** Sends what has waited in a session for room in its client's window. */
    sendAgain(client: InnerClient, packet: StoredPacket): void {
      const now = asOfNow(packet)
      if (now) send(client, client.id, now)
    },

    /** Sends a new subscriber what is retained [MQTT-3.8.4-4]. */
    welcome: (session: string, sub: Subscription) => welcome(session, sub.topic.slice(OPEN.length), sub),
  }

  async function handRetained(topics: string[], session: string, sub: Subscription): Promise<void> {
    const { subscriptionIdentifier: id } = sub as { subscriptionIdentifier?: number }
    const to = [{ session, qos: sub.qos, retain: true, ids: id === undefined ? [] : [id] }]
    await stored((unit) => {
      for (const topic of topics) {
        const message = retained.get(topic)
        const now = message && asOfNow(message)
        if (now) hand(unit, now, to)
      }
    })
  }

  async function stored(write: (unit: Unit) => void): Promise<void> {
    await storage.commit(write, { inOrder: false }).catch((err: Error) => {
      throw err.name === 'Refusal' ? err : refuse('unavailable')
    })
  }
}

/** The message, without what was made for one receiver. */
function messageOf({ topic, payload, qos, properties, messageExpiry }: SessionMessage): OpenMessage {
  const { subscriptionIdentifier: _theirs, ...rest } = properties ?? {}
  return { topic, payload, qos, properties: rest, ...(messageExpiry !== undefined && { messageExpiry }) }
}

/** A copy that tells how much of its time is left [MQTT-3.3.2-6]; undefined when it is over. */
function asOfNow<Message extends Pick<StoredPacket, 'messageExpiry' | 'properties'>>(
  message: Message,
): Message | undefined {
  const { messageExpiry, properties } = message
  if (messageExpiry === undefined) return { ...message }
  const left = messageExpiry - steady()
  if (left <= 0) return undefined
  return { ...message, properties: { ...properties, messageExpiryInterval: Math.ceil(left / 1000) } }
}

/** Which of its texts cannot go to others. */
function unfitIn({ contentType = '', responseTopic = '', properties }: Incoming): string | undefined {
  if (!isMqttString(contentType)) return 'content_type'
  if (!isMqttString(responseTopic)) return 'response_topic'
  return Object.entries(properties).flat().every(isMqttString) ? undefined : 'user_properties'
}

/** Names that stand for the broker's own word; a device's are gone. */
const STAMPED = new Set(Object.keys(stamp.shape))

function propertiesOf(message: Incoming): MessageProperties {
  const { contentType, isText, responseTopic, correlation, expiry, properties } = message
  const user = Object.fromEntries(Object.entries(properties).filter(([name]) => !STAMPED.has(name)))
  return {
    ...(contentType !== undefined && { contentType }),
    ...(isText && { payloadFormatIndicator: true }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlation && { correlationData: correlation }),
    ...(expiry !== undefined && { messageExpiryInterval: expiry }),
    ...(Object.keys(user).length > 0 && { userProperties: user }),
  }
}
