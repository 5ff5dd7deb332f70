import { generate, parser, type IConnackPacket, type Packet } from 'mqtt-packet'
import type { InnerClient } from './internals.ts'

/**
 * Adds user properties to the CONNACK that Aedes is about to write: the first packet on the connection after
 * authentication. Aedes has no hook for it.
 */
export function addToConnack(client: InnerClient, userProperties: Record<string, string>): void {
  const { conn } = client
  const reader = parser({ protocolVersion: 5 })
  const write = conn.write.bind(conn)
  reader.on('packet', (connack: Packet) => {
    conn.write = write
    const { properties } = connack as IConnackPacket
    const told = { ...connack, properties: { ...properties, userProperties } } as IConnackPacket
    conn.write(generate(told, { protocolVersion: 5 }))
  })
  conn.write = (chunk: Buffer) => {
    reader.parse(chunk)
    return true
  }
}
