import type { Packet } from 'mqtt-packet'
import type { ConnectPacket } from 'aedes'
import { isMqttString } from '../../../shared/wire/mqtt-string.ts'
import { isOpenFilter } from '../../seam/topic-filter.ts'
import type { FastPath } from './fast-path.ts'
import type { InnerClient } from './internals.ts'
import { faultOfPacket } from './packet-fault.ts'
import { readPackets } from './reader.ts'
import { OPEN } from '../../seam/subscription.ts'
import { sharedFilter, sharedOrOwn } from '../../seam/shared-filter.ts'

/** What a PUBLISH to the rest of the broker becomes in Aedes: a topic that nobody can subscribe to. */
export const SINK = '$sink'
/** What a handler's subscription becomes in Aedes: nothing is ever published below it. */
export const INERT = '$consumes/'
const REFUSED = '$refused/'
const MAX_CLIENT_ID = 256
/** Most bytes of a CONNECT beside its token: a will, user properties, and some room. */
export const CONNECT_ROOM = 24_576
/** Milliseconds over which a connection's packets are counted. */
const COUNTED = 10_000

export interface PacketGuard {
  /** Most packets in ten seconds; called for each packet. */
  max(): number
  /** Called once, when there are more; no further packet reaches Aedes. */
  flooded(): void
  parsed(kind: Packet['cmd']): void
  /** Called when a last packet was written and the connection is about to end. */
  refused(): void
  /** Called with the filters of an UNSUBSCRIBE, before Aedes sees it. */
  unsubscribed(filters: readonly string[]): void
  fastPath: FastPath
  /** Most bytes of the first packet of a client that has not logged in. */
  maxFirst: number
  /** Most bytes of any packet. */
  maxPacket: number
}

/**
 * Checks every packet before Aedes handles it. A malformed packet, or one too many, ends the connection, and the rest of its chunk is
 * ignored. Filters that are keys of `Object.prototype` would crash Aedes 2.0.0-beta.1: they are replaced by filters that are refused.
 * Filters of open topics get the prefix `OPEN`.
 */
export function guardPackets(client: InnerClient, guard: PacketGuard): void {
  const parser = client._parser
  const [handle] = parser.listeners('packet') as ((packet: Packet) => void)[]
  /** Ignores everything that the client sends from here on. */
  const stop = (reason: string): Error => {
    parser.removeAllListeners('packet')
    return (parser.error = new Error(reason)) // this stops its loop over the rest of the chunk
  }
  let [counted, since] = [0, 0]
  const isFlood = (packets: number): boolean => {
    const now = performance.now()
    if (now - since > COUNTED) [counted, since] = [0, now]
    return (counted += packets) > guard.max()
  }

  const floods = (packets: number): boolean => {
    if (!isFlood(packets)) return false
    stop('too many packets')
    guard.flooded()
    return true
  }

  const { fastPath, maxFirst, maxPacket } = guard
  readPackets(client, {
    maxFirst,
    maxPacket,
    stop,
    refused: () => guard.refused(),
    isBusy: () => fastPath.isHeld,
    handle(packet) {
      const kind = fastPath.kindOf(packet)
      if (!kind) return false
      if (floods(1)) return true
      if (!fastPath.handle(packet, kind)) return false
      guard.parsed(kind)
      client._keepaliveTimer?.refresh()
      return true
    },
  })

  parser.removeAllListeners('packet')
  parser.on('packet', (packet: Packet) => {
    guard.parsed(packet.cmd)
    if (floods(weightOf(packet))) return
    const fault = faultOfPacket(packet)
    if (fault !== undefined) return void client.conn.destroy(stop(fault))
    if (packet.cmd === 'disconnect') parser.removeAllListeners('packet') // [MQTT-3.14.4-1]
    if (packet.cmd === 'subscribe') {
      const { subscriptions } = packet
      if (subscriptions.some(({ nl, topic }) => nl === true && sharedFilter(topic)))
        // [MQTT-3.8.3-4]
        return void client.conn.destroy(stop('No Local on a shared subscription'))
      for (const [i, sub] of subscriptions.entries()) sub.topic = harmless(sub.topic, i)
      // Aedes would remove duplicate filters from the list and send too few codes [MQTT-3.8.4-6].
      Object.defineProperty(packet, 'subscriptions', { get: () => subscriptions, set() {}, enumerable: true })
    }
    if (packet.cmd === 'unsubscribe') {
      packet.unsubscriptions = packet.unsubscriptions.map(harmless)
      guard.unsubscribed(packet.unsubscriptions)
    }
    handle!.call(parser, packet)
  })
}

/** A SUBSCRIBE of many filters costs as much as many of one filter. */
function weightOf(packet: Packet): number {
  if (packet.cmd === 'subscribe') return packet.subscriptions.length
  return packet.cmd === 'unsubscribe' ? packet.unsubscriptions.length : 1
}

/** A filter that Aedes handles safely. Refused filters get distinct, non-numeric names, or Aedes would mix up the SUBACK's codes. */
function harmless(filter: string, i: number): string {
  if (filter in Object.prototype || !isText(filter) || /^\d*$/.test(filter)) return `${REFUSED}${i}/name`
  return isOpenFilter(sharedOrOwn(filter)) ? OPEN + filter : filter.startsWith(OPEN) ? `${REFUSED}${i}/name` : filter
}

/** What is wrong with a CONNECT, if anything. [MQTT-1.5.4, 3.1.3-5, 3.1.3-11] */
export function faultOfConnect(packet: ConnectPacket): string | undefined {
  if (packet.clientId.length > MAX_CLIENT_ID) return `client id longer than ${MAX_CLIENT_ID} characters`
  if (!isText(packet.clientId)) return 'client id with a control character or a Unicode noncharacter'
  if (packet.will && !isTopicName(packet.will.topic)) return 'will topic is not a valid topic name'
  return undefined
}

/** Is it a valid Topic Name: not empty, no wildcard, no control character? [MQTT-3.3.2-1, 3.3.2-2, 4.7.3] */
export function isTopicName(topic: string): boolean {
  return topic !== '' && !/[+#]/.test(topic) && isText(topic)
}

/** Is it valid text? U+FFFD stands for bytes that are not UTF-8. */
function isText(text: string): boolean {
  return isMqttString(text) && !text.includes('\ufffd')
}
