import type { ISubscribePacket, Packet } from 'mqtt-packet'
import type { ConnectPacket } from 'aedes'
import { isOpenFilter } from '../topic-filter.ts'
import type { InnerClient } from './internals.ts'
import { OPEN } from './session-store.ts'

/** What a PUBLISH to the rest of the broker becomes in Aedes: a topic that nobody can subscribe to. */
export const SINK = '$sink'
/** What a handler's subscription becomes in Aedes: nothing is ever published below it. */
export const INERT = '$consumes/'
const REFUSED = '$refused/'
const MAX_CLIENT_ID = 256
/** Bytes of a CONNECT at most: a token of 8 KB, a will, and room. */
export const MAX_CONNECT_BYTES = 32_768
/** Milliseconds over which a connection's packets are counted. */
const COUNTED = 10_000

const ILLEGAL = /[\u0000-\u001f\u007f-\u009f\ufffd\ufdd0-\ufdef\ufffe\uffff]/u

export interface PacketGuard {
  /** Packets in ten seconds, at most: asked at each. */
  most(): number
  /** Called once, when there are more; then none of them reaches Aedes. */
  flooded(): void
  parsed(kind: Packet['cmd']): void
}

/**
 * Stands before Aedes' own handling of every packet. Filters that are keys of an object's prototype end the process in
 * Aedes 2.0.0-beta.1: they are made into filters that are refused. So does a property that comes twice, which the parser
 * makes an array: it is a protocol error [MQTT-2.2.2], and ends the connection. Filters of open topics get a name of ours.
 */
export function guardPackets(client: InnerClient, guard: PacketGuard): void {
  let [counted, since] = [0, 0]
  const isFlood = (packet: Packet): boolean => {
    const now = performance.now()
    if (now - since > COUNTED) [counted, since] = [0, now]
    counted += packet.cmd === 'subscribe' ? packet.subscriptions.length : 1
    return counted > guard.most()
  }
  const stop = (): void => void client._parser.removeAllListeners('packet')

  client._parser.prependListener('packet', (packet: Packet) => {
    guard.parsed(packet.cmd)
    if (isFlood(packet)) {
      stop()
      return guard.flooded()
    }
    if (hasDoubled(packet)) {
      stop()
      client.conn.destroy(new Error('a property that comes twice'))
    }
    if (packet.cmd === 'subscribe') for (const sub of packet.subscriptions) sub.topic = harmless(sub.topic)
    if (packet.cmd === 'unsubscribe') packet.unsubscriptions = packet.unsubscriptions.map(harmless)
  })
  boundFirstPacket(client)
}

/** A stranger may not make us hold what a user may: Aedes has one bound for all. */
function boundFirstPacket(client: InnerClient): void {
  const parser = client._parser as typeof client._parser & { packet?: { length?: number } }
  const parse = parser.parse.bind(parser)
  parser.parse = (chunk) => {
    const left = parse(chunk)
    if (client.connected || client.connecting) delete (parser as Partial<typeof parser>).parse
    else if ((parser.packet?.length ?? 0) > MAX_CONNECT_BYTES) {
      client.conn.destroy(new Error(`a first packet of more than ${MAX_CONNECT_BYTES} bytes`))
    }
    return left
  }
}

function hasDoubled(packet: Packet): boolean {
  const own = 'properties' in packet ? packet.properties : undefined
  const will = packet.cmd === 'connect' ? packet.will?.properties : undefined
  return [own, will].some((properties) =>
    Object.entries(properties ?? {}).some(([name, value]) => name !== 'userProperties' && Array.isArray(value)),
  )
}

function harmless(filter: ISubscribePacket['subscriptions'][number]['topic']): string {
  if (filter in Object.prototype || ILLEGAL.test(filter)) return REFUSED + 'name'
  return isOpenFilter(filter) ? OPEN + filter : filter.startsWith(OPEN) ? REFUSED + filter : filter
}

/** What is wrong with a CONNECT, if anything. [MQTT-1.5.4, 3.1.3-5, 3.1.3-11] */
export function faultOfConnect(packet: ConnectPacket): string | undefined {
  if (packet.clientId.length > MAX_CLIENT_ID) return `client id longer than ${MAX_CLIENT_ID} characters`
  if (ILLEGAL.test(packet.clientId)) return 'client id with a control or non-character'
  if (packet.will && !isTopicName(packet.will.topic)) return 'will topic is no topic name'
  return undefined
}

/** A topic one may publish to: not empty, no wildcard, no control character. [MQTT-3.3.2-1, 3.3.2-2, 4.7.3] */
export function isTopicName(topic: string): boolean {
  return topic !== '' && !/[+#]/.test(topic) && !ILLEGAL.test(topic)
}
