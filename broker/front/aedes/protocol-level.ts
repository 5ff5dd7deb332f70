import { bodyAt } from '../../../shared/wire/mqtt/frames.ts'

/** The CONNACK that every client understands: "unacceptable protocol version" of 3.1.1 [MQTT-3.1.2-2]. */
export const WRONG_LEVEL = Buffer.from([0x20, 0x02, 0x00, 0x01])

/** The levels of each protocol name; only MQTT 3.1 is called MQIsdp. */
const LEVELS = [
  { name: Buffer.from('\0\x04MQTT'), levels: [4, 5] },
  { name: Buffer.from('\0\x06MQIsdp'), levels: [3] },
]

/** Is it a CONNECT whose level does not belong to its protocol name? mqtt-packet accepts some of these, and throws on others. */
export function refusesLevel(packet: Buffer): boolean {
  if (packet[0] !== 0x10) return false
  const body = packet.subarray(bodyAt(packet))
  const known = LEVELS.find(({ name }) => body.subarray(0, name.length).equals(name))
  const level = known && body[known.name.length]
  return level !== undefined && !known!.levels.includes(level & 0x7f) // bridges set the highest bit
}
