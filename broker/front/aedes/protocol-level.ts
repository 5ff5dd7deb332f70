import { bodyAt } from '../../../shared/wire/mqtt/frames.ts'

/** The CONNACK that any client understands: 3.1.1's "unacceptable protocol version" [MQTT-3.1.2-2]. */
export const WRONG_LEVEL = Buffer.from([0x20, 0x02, 0x00, 0x01])

const NAMES = [Buffer.from('\0\x04MQTT'), Buffer.from('\0\x06MQIsdp')]

/** Is it a CONNECT of MQTT, but of a level that is none of 3, 4 and 5? mqtt-packet would only fail. */
export function refusesLevel(packet: Buffer): boolean {
  if (packet[0] !== 0x10) return false
  const body = packet.subarray(bodyAt(packet))
  const name = NAMES.find((one) => body.subarray(0, one.length).equals(one))
  const level = name && body[name.length]
  return level !== undefined && ![3, 4, 5].includes(level & 0x7f) // the highest bit is a bridge's
}
