import type { Packet } from 'mqtt-packet'

const WITH_ID = new Set(['subscribe', 'unsubscribe', 'puback', 'pubrec', 'pubrel', 'pubcomp'])

/**
 * Finds what is wrong with a packet that the parser accepted. mqtt-packet 9.0.2 returns `null` for a string and `-1` for a number that
 * reach beyond the packet, and a list for a duplicate property [MQTT-2.2.2.2]; each of these crashes Aedes, or the encoder that
 * passes the packet on.
 */
export function faultOfPacket(packet: Packet): string | undefined {
  const { cmd } = packet
  const needsId = WITH_ID.has(cmd) || (cmd === 'publish' && packet.qos > 0)
  if (needsId && !(packet.messageId !== undefined && packet.messageId >= 1)) return 'no message id' // [MQTT-2.2.1-3]
  if (cmd === 'unsubscribe' && packet.unsubscriptions.length === 0) return 'an UNSUBSCRIBE without filters' // [MQTT-3.10.3-2]
  if (cmd === 'connect' && packet.properties?.maximumPacketSize === 0) return 'a Maximum Packet Size of 0' // [3.1.2.11.4]
  const will = cmd === 'connect' ? packet.will : undefined
  if ((will?.qos ?? 0) > 2) return 'a will of QoS 3' // [MQTT-3.1.2-14]
  return (
    faultOfProperties(cmd, 'properties' in packet ? packet.properties : undefined) ??
    faultOfProperties(cmd, will?.properties)
  )
}

function faultOfProperties(cmd: Packet['cmd'], properties: object = {}): string | undefined {
  for (const [name, value] of Object.entries(properties) as [string, unknown][]) {
    if (name === 'userProperties') {
      if (
        Object.values(value as object)
          .flat()
          .includes(null)
      )
        return 'a user property that is cut off'
    } else if (value === null || value === -1) return `${name} is cut off`
    else if (Array.isArray(value)) return `duplicate property ${name}`
    else if (name === 'subscriptionIdentifier' && cmd === 'publish') return `${name} in a client's PUBLISH` // [MQTT-3.3.4-6]
  }
  return undefined
}
