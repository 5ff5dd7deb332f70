import { oneOf, type Random } from './packets.ts'

/** Bytes that parsers stumble over. */
const EVIL = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x26, 0x0b, 0x08, 0x11]
/** Remaining lengths that are too long, do not end, or are far too large. */
const LENGTHS = [[0xff, 0xff, 0xff, 0x7f], [0xff, 0xff, 0xff, 0xff, 0xff], [0x00], [0x7f], [0x80, 0x80, 0x01]].map(
  (bytes) => Buffer.from(bytes),
)

type Mutation = (packet: Buffer, random: Random, other: Buffer) => Buffer
const at = (packet: Buffer, random: Random): number => Math.floor(random() * packet.length)

const MUTATIONS: Mutation[] = [
  function flipBit(packet, random) {
    packet[at(packet, random)]! ^= 1 << Math.floor(random() * 8)
    return packet
  },
  function setByte(packet, random) {
    packet[at(packet, random)] = oneOf(random, EVIL)
    return packet
  },
  function setBodyByte(packet, random) {
    if (packet.length > 2) packet[2 + Math.floor(random() * (packet.length - 2))] = Math.floor(random() * 256)
    return packet
  },
  function breakInnerLength(packet, random) {
    const i = at(packet, random)
    if (i >= 2 && i + 1 < packet.length) packet.writeUInt16BE(oneOf(random, [0xffff, 0, 1, 300]), i)
    return packet
  },
  function truncate(packet, random) {
    const kept = packet.subarray(0, 1 + at(packet, random))
    if (kept.length > 1) kept[1] = Math.min(127, kept.length - 2) // the length fits, so its content is cut off
    return kept
  },
  function cutOff(packet, random) {
    return packet.subarray(0, at(packet, random))
  },
  function insert(packet, random) {
    const i = at(packet, random)
    return Buffer.concat([packet.subarray(0, i), Buffer.from([oneOf(random, EVIL)]), packet.subarray(i)])
  },
  function repeatPart(packet, random) {
    const [i, j] = [at(packet, random), at(packet, random)].toSorted((a, b) => a - b) as [number, number]
    return Buffer.concat([packet.subarray(0, j), packet.subarray(i)])
  },
  function breakLength(packet, random) {
    return Buffer.concat([packet.subarray(0, 1), oneOf(random, LENGTHS), packet.subarray(2)])
  },
  function changeKind(packet, random) {
    packet[0] = Math.floor(random() * 256)
    return packet
  },
  function splice(packet, random, other) {
    return Buffer.concat([packet.subarray(0, at(packet, random)), other.subarray(at(other, random))])
  },
]

/** The packet with one to three faults. */
export function mutate(packet: Buffer, random: Random, other: Buffer): Buffer {
  let mutated: Buffer = Buffer.from(packet)
  for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
    if (mutated.length > 0) mutated = oneOf(random, MUTATIONS)(mutated, random, other)
  }
  return mutated
}
