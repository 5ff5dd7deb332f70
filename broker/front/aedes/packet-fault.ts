import type { Packet } from 'mqtt-packet'

const WITH_ID = new Set(['subscribe', 'unsubscribe', 'puback', 'pubrec', 'pubrel', 'pubcomp'])

/**
 * What is wrong with a packet that the parser lets through. mqtt-packet 9.0.2 gives `null` for text and `-1` for a number that
 * reach beyond the packet, and a list for a property that comes twice [MQTT-2.2.2.2]; Aedes, and what writes the packet to
 * others, fall over each of them.
 */
export function faultOfPacket(packet: Packet): string | undefined {
  const { cmd } = packet
  const needsId = WITH_ID.has(cmd) || (cmd === 'publish' && packet.qos > 0)
  if (needsId && !(packet.messageId !== undefined && packet.messageId >= 1)) return 'no message id' // [MQTT-2.2.1-3]
  if (cmd === 'unsubscribe' && packet.unsubscriptions.length === 0) return 'an UNSUBSCRIBE of nothing' // [MQTT-3.10.3-2]
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
    else if (Array.isArray(value)) return `${name} comes twice`
    else if (name === 'subscriptionIdentifier' && cmd === 'publish') return `${name} comes from a client` // [MQTT-3.3.4-6]
  }
  return undefined
}
