import { generate, parser, type IConnackPacket, type Packet } from 'mqtt-packet'
import type { InnerClient } from './internals.ts'

/**
 * Changes the CONNACK that Aedes is about to write, which is the first packet on the connection after authentication. Aedes has no
 * hook for this.
 */
export function changeConnack(client: InnerClient, change: (connack: IConnackPacket) => IConnackPacket): void {
  const { conn } = client
  const protocolVersion = client.version as 4
  const reader = parser({ protocolVersion })
  const write = conn.write.bind(conn)
  reader.on('packet', (packet: Packet) => {
    conn.write = write
    const bytes =
      packet.cmd === 'connack' ? fit(change(withShared(packet)), client) : generate(packet, { protocolVersion })
    if (bytes) conn.write(bytes)
    else conn.destroy(new Error('the CONNACK exceeds the Maximum Packet Size of the client'))
  })
  conn.write = (chunk: Buffer) => {
    reader.parse(chunk)
    return true
  }
}

/** The CONNACK within the client's Maximum Packet Size, without optional properties if need be; undefined if even that is too large [MQTT-3.2.2-19, 3.2.2-20]. */
function fit(connack: IConnackPacket, { version, maximumPacketSize = Infinity }: InnerClient): Buffer | undefined {
  const { reasonString: _reasonString, userProperties: _userProperties, ...needed } = connack.properties ?? {}
  for (const properties of [connack.properties, needed]) {
    const bytes = generate({ ...connack, ...(properties && { properties }) }, { protocolVersion: version as 5 })
    if (bytes.length <= maximumPacketSize) return bytes
  }
  return undefined
}

/** Removes Aedes' statement that shared subscriptions are unavailable: we have them. */
function withShared({ properties, ...connack }: IConnackPacket): IConnackPacket {
  const { sharedSubscriptionAvailable: _not, ...rest } = properties ?? {}
  return { ...connack, ...(properties && { properties: rest }) }
}

export function unchanged(connack: IConnackPacket): IConnackPacket {
  return connack
}

/** Adds user properties. */
export function withUserProperties(userProperties: Record<string, string>) {
  return (connack: IConnackPacket): IConnackPacket => ({
    ...connack,
    properties: { ...connack.properties, userProperties },
  })
}
