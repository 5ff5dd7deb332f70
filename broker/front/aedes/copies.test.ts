import { expect, test } from '@jest/globals'
import { parser, type Packet } from 'mqtt-packet'
import { Copies } from './copies.ts'

function read(bytes: Buffer, protocolVersion: 4 | 5): Packet {
  const reader = parser({ protocolVersion })
  const packets: Packet[] = []
  reader.on('packet', (packet) => packets.push(packet))
  reader.parse(bytes)
  return packets[0]!
}

const message = { topic: 'fleet/ä', payload: Buffer.alloc(300, 'x'), properties: { contentType: 'text/plain' } }

test.each([4, 5] as const)('copies differ in their message id alone (MQTT level %d)', (version) => {
  const copies = new Copies(message)
  const [one, other] = [copies.bytes(version, 1, 0x1234), copies.bytes(version, 1, 0xfffe)]
  const common = { topic: 'fleet/ä', payload: message.payload, qos: 1, dup: false }
  const properties = version === 5 ? { properties: { contentType: 'text/plain' } } : {}
  expect(read(one, version)).toMatchObject({ ...common, ...properties, messageId: 0x1234, retain: false })
  expect(read(other, version)).toMatchObject({ ...common, ...properties, messageId: 0xfffe, retain: false })
})

test('at QoS 0 all clients of one version get the same bytes', () => {
  const copies = new Copies(message)
  expect(copies.bytes(5, 0, 0)).toBe(copies.bytes(5, 0, 0))
  expect(read(copies.bytes(4, 0, 0), 4)).toMatchObject({ qos: 0, topic: 'fleet/ä', payload: message.payload })
})
