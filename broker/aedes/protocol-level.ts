import type { Pieces } from './internals.ts'

/** The CONNACK that any client understands: 3.1.1's "unacceptable protocol version" [MQTT-3.1.2-2]. */
export const WRONG_LEVEL = Buffer.from([0x20, 0x02, 0x00, 0x01])

/** Is it a CONNECT of MQTT, but of a level that is none of 3, 4 and 5? mqtt-packet would only fail. */
export function refusesLevel(packet: { cmd: string; length: number }, bytes: Pieces): boolean {
  if (packet.cmd !== 'connect') return false
  const head = bytes.slice(0, 9)
  const name = [Buffer.from('\0\x04MQTT'), Buffer.from('\0\x06MQIsdp')].find((one) =>
    head.subarray(0, one.length).equals(one),
  )
  const level = name && head[name.length]
  return level !== undefined && ![3, 4, 5].includes(level & 0x7f) // the highest bit is a bridge's
}
