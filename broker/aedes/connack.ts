import { generate, parser, type IConnackPacket, type Packet } from 'mqtt-packet'
import type { InnerClient } from './internals.ts'

/**
 * Changes the CONNACK that Aedes is about to write: the first packet on the connection after authentication. Aedes has no hook
 * for it.
 */
export function changeConnack(client: InnerClient, change: (connack: IConnackPacket) => IConnackPacket): void {
  const { conn } = client
  const protocolVersion = client.version as 4
  const reader = parser({ protocolVersion })
  const write = conn.write.bind(conn)
  reader.on('packet', (packet: Packet) => {
    conn.write = write
    const changed = packet.cmd === 'connack' ? change(packet) : packet
    conn.write(generate(changed, { protocolVersion }))
  })
  conn.write = (chunk: Buffer) => {
    reader.parse(chunk)
    return true
  }
}

/** Adds user properties. */
export function withUserProperties(userProperties: Record<string, string>) {
  return (connack: IConnackPacket): IConnackPacket => ({
    ...connack,
    properties: { ...connack.properties, userProperties },
  })
}
