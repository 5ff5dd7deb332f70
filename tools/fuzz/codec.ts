import { isDeepStrictEqual } from 'node:util'
import { generate, parser, type IPublishPacket, type IPubackPacket, type Packet } from 'mqtt-packet'
import { Frames } from '../../shared/wire/mqtt/frames.ts'
import { MalformedPacket } from '../../shared/wire/mqtt/malformed.ts'
import { decodePuback, encodePuback, type Puback } from '../../shared/wire/mqtt/puback.ts'
import { decodePublish, encodePublish, type Publish, type Version } from '../../shared/wire/mqtt/publish.ts'
import { seeded } from '../random.ts'
import { mutate } from './mutate.ts'
import { oneOf, type Random } from './packets.ts'
import { somePuback, somePublish } from './publishes.ts'

/** How our codec compares with mqtt-packet. */
export interface CodecReport {
  packets: number
  mutated: number
  /** Accepted by ours, and read alike by mqtt-packet. */
  taken: number
  /** Refused by ours though mqtt-packet accepts them, by reason. */
  stricter: Record<string, number>
  /** Read differently, or accepted by ours alone: each is a bug. The first ten, with their bytes. */
  differences: string[]
}

type Ours = { publish: Publish } | { puback: Puback }

const MAX_BYTES = 1 << 20
const BATCH = 64
const VERSIONS = [3, 4, 5] as const

/** Reads and writes so many packets with our codec and with mqtt-packet. The same seed gives the same packets. */
export function fuzzCodec(seed: number, packets: number): CodecReport {
  const random = seeded(seed)
  const report: CodecReport = { packets: 0, mutated: 0, taken: 0, stricter: {}, differences: [] }
  let batch: Buffer[] = []
  while (report.packets < packets) {
    const version = oneOf(random, VERSIONS)
    const valid = written(random, version)
    checkRead(valid, version, true, report)
    if (random() < 0.7) {
      report.mutated++
      checkRead(mutate(valid, random, written(random, version)), version, false, report)
    }
    if (batch.push(valid) < BATCH) continue
    checkFrames(batch, random, report)
    batch = []
  }
  return report
}

/** A valid packet, written by ours or by mqtt-packet. */
function written(random: Random, version: Version): Buffer {
  const isOurs = random() < 0.5
  if (random() < 0.3) {
    const puback = somePuback(random, version)
    const { messageId, reasonCode, reasonString } = puback
    return isOurs ? encodePuback(messageId, version, reasonCode, reasonString) : generated(theirPuback(puback), version)
  }
  const publish = somePublish(random, version)
  return isOurs ? encodePublish(publish, version) : generated(theirPublish(publish), version)
}

function checkRead(bytes: Buffer, version: Version, isValid: boolean, report: CodecReport): void {
  report.packets++
  const kind = bytes.length > 0 ? bytes[0]! >> 4 : 0
  if (kind !== 3 && kind !== 4) return
  const theirs = readByTheirs(bytes, version)
  const differs = (how: string): void => {
    if (report.differences.length < 10) report.differences.push(`MQTT ${version}, ${how}: ${bytes.toString('hex')}`)
  }
  let ours: Ours | undefined
  try {
    ours = readByOurs(bytes, version)
  } catch (err) {
    if (!(err instanceof MalformedPacket)) differs(`ours failed with ${String(err)}`)
    else if (isValid) differs(`ours refused a valid packet: ${err.message}`)
    else if (theirs) {
      const reason = err.message.replaceAll(/(?<= )\d+/g, 'N')
      report.stricter[reason] = (report.stricter[reason] ?? 0) + 1
    }
    return
  }
  if (!ours) return theirs ? differs('mqtt-packet alone found a whole packet') : undefined
  if (!theirs) return differs('ours alone accepted it')
  const [inOurs, inTheirs] = [JSON.stringify(comparable(ours)), JSON.stringify(comparableOfTheirs(theirs))]
  if (inOurs !== inTheirs) return differs(`ours read ${inOurs}, mqtt-packet ${inTheirs}`)
  report.taken++
  if (!isDeepStrictEqual(readByOurs(writtenAgain(ours, version), version), ours))
    differs('not the same when written again')
}

function readByOurs(bytes: Buffer, version: Version): Ours | undefined {
  const frames = new Frames(MAX_BYTES)
  frames.push(bytes)
  const packet = frames.next()
  if (!packet) return undefined
  return packet[0]! >> 4 === 3 ? { publish: decodePublish(packet, version) } : { puback: decodePuback(packet, version) }
}

function writtenAgain(ours: Ours, version: Version): Buffer {
  if ('publish' in ours) return encodePublish(ours.publish, version)
  const { messageId, reasonCode, reasonString } = ours.puback
  return encodePuback(messageId, version, reasonCode, reasonString)
}

/** The first packet of these bytes, if mqtt-packet accepts it. */
function readByTheirs(bytes: Buffer, protocolVersion: Version): Packet | undefined {
  let first: Packet | undefined
  let isOver = false
  const reader = parser({ protocolVersion })
  reader.on('packet', (packet) => {
    if (!isOver) first = packet
    isOver = true
  })
  reader.on('error', () => (isOver = true))
  try {
    reader.parse(bytes)
  } catch {
    // Node's own error for what reaches beyond the packet
  }
  return first
}

/** Chunks, cut anywhere, must give the packets that went in. */
function checkFrames(packets: Buffer[], random: Random, report: CodecReport): void {
  const stream = Buffer.concat(packets)
  const frames = new Frames(MAX_BYTES)
  const found: Buffer[] = []
  for (let at = 0; at < stream.length;) {
    const to = at + 1 + Math.floor(random() ** 4 * 2_000)
    frames.push(stream.subarray(at, to))
    at = to
    if (random() < 0.2) continue
    for (let packet = frames.next(); packet; packet = frames.next()) found.push(packet)
  }
  for (let packet = frames.next(); packet; packet = frames.next()) found.push(packet)
  if (found.length === packets.length && found.every((packet, i) => packet.equals(packets[i]!))) return
  if (report.differences.length < 10) report.differences.push(`cut wrongly: ${stream.toString('hex')}`)
}

function generated(packet: Packet, protocolVersion: Version): Buffer {
  return generate(packet, { protocolVersion })
}

function theirPublish({ properties, ...publish }: Publish): IPublishPacket {
  if (!properties) return { cmd: 'publish', ...publish }
  const { userProperties, subscriptionIdentifiers, ...rest } = properties
  const more = {
    ...(userProperties && { userProperties: folded(userProperties) }),
    ...(subscriptionIdentifiers && { subscriptionIdentifier: subscriptionIdentifiers }),
  }
  return { cmd: 'publish', ...publish, properties: { ...rest, ...more } }
}

function theirPuback({ messageId, reasonCode, reasonString }: Puback): IPubackPacket {
  return { cmd: 'puback', messageId, reasonCode, ...(reasonString !== undefined && { properties: { reasonString } }) }
}

/** User properties by name. mqtt-packet drops an empty first value when the name repeats, and so does this. */
function folded(userProperties: [string, string][]): Record<string, string | string[]> {
  const all = Object.create(null) as Record<string, string | string[]>
  for (const [name, value] of userProperties) {
    const before = all[name]
    all[name] = before ? [before, value].flat() : value
  }
  return all
}

function comparable(ours: Ours): unknown {
  if ('puback' in ours) return { ...ours.puback }
  const { topic, payload, qos, dup, retain, messageId, properties } = ours.publish
  const { userProperties, ...rest } = properties ?? {}
  const users = userProperties && sorted(folded(userProperties))
  return { topic, payload: payload.toString('hex'), qos, dup, retain, messageId, ...sorted(rest), users }
}

function comparableOfTheirs(packet: Packet): unknown {
  if (packet.cmd === 'puback') {
    const { messageId, reasonCode = 0, properties } = packet
    return { messageId, reasonCode, reasonString: properties?.reasonString }
  }
  const { topic, payload, qos, dup, retain, messageId, properties } = packet as IPublishPacket
  const { userProperties, subscriptionIdentifier, ...rest } = properties ?? {}
  const users = userProperties && sorted(userProperties)
  const more = subscriptionIdentifier && { subscriptionIdentifiers: [subscriptionIdentifier].flat() }
  const bytes = Buffer.from(payload).toString('hex')
  const id = qos > 0 ? messageId : 0
  return { topic, payload: bytes, qos, dup, retain, messageId: id, ...sorted({ ...rest, ...more }), users }
}

function sorted(properties: object): object {
  return Object.fromEntries(Object.entries(properties).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
