import { expect, test } from '@jest/globals'
import { generate, parser, type Packet } from 'mqtt-packet'
import { connectPacket, DISCONNECT, pubackPacket, publishPacket, Reader, subscribePacket } from './codec.ts'

// What the load generator writes, read by mqtt-packet, and the other way round.

function parsed(bytes: Buffer): Packet {
  const found: Packet[] = []
  const reader = parser({ protocolVersion: 5 })
  reader.on('packet', (packet) => found.push(packet))
  expect(reader.parse(bytes)).toBe(0)
  expect(found).toHaveLength(1)
  return found[0]!
}

test('a CONNECT is read as MQTT 5 with a clean start and its login', () => {
  const login = { clientId: 'ü-1', username: 'JWT', password: 'x'.repeat(300) }
  expect(parsed(connectPacket(login))).toMatchObject({
    cmd: 'connect',
    protocolVersion: 5,
    clean: true,
    keepalive: 0,
    clientId: 'ü-1',
    username: 'JWT',
    password: Buffer.from(login.password),
  })
})

test('a SUBSCRIBE is read with its filters', () => {
  expect(parsed(subscribePacket(0x1234, ['a/b', 'c'], 1))).toMatchObject({
    cmd: 'subscribe',
    messageId: 0x1234,
    subscriptions: [
      { topic: 'a/b', qos: 1 },
      { topic: 'c', qos: 1 },
    ],
  })
})

test.each([0, 1] as const)('a PUBLISH at QoS %i is read, of any length', (qos) => {
  for (const length of [0, 1, 110, 128, 16_384, 70_000]) {
    const { bytes, idAt } = publishPacket('some/topic', 'y'.repeat(length), qos)
    if (qos === 1) bytes.writeUInt16BE(0xabcd, idAt)
    else expect(idAt).toBe(-1)
    const packet = parsed(bytes)
    expect(packet).toMatchObject({ cmd: 'publish', topic: 'some/topic', qos, dup: false, retain: false })
    expect(packet).toMatchObject({ payload: Buffer.from('y'.repeat(length)), ...(qos === 1 && { messageId: 0xabcd }) })
  }
})

test('a PUBACK and a DISCONNECT are read', () => {
  expect(parsed(pubackPacket(0xfffe))).toMatchObject({ cmd: 'puback', messageId: 0xfffe, reasonCode: 0 })
  expect(parsed(DISCONNECT)).toMatchObject({ cmd: 'disconnect' })
})

test('what a broker says is understood, wherever it is cut', () => {
  const properties = { userProperties: { name: 'value' } }
  const payload = Buffer.from('z'.repeat(200))
  const publish = { cmd: 'publish', topic: 't', payload, dup: false, retain: false } as const
  const said: Packet[] = [
    { cmd: 'connack', reasonCode: 0, sessionPresent: false, properties: { receiveMaximum: 20 } },
    { cmd: 'suback', messageId: 7, granted: [1, 0x87], properties },
    { ...publish, qos: 0, properties },
    { ...publish, qos: 1, messageId: 300, properties },
    { cmd: 'puback', messageId: 0x102, reasonCode: 0 },
    { cmd: 'puback', messageId: 0x103, reasonCode: 0x97 },
    { cmd: 'pingresp' },
    { cmd: 'disconnect', reasonCode: 0x8b },
  ]
  const bytes = Buffer.concat(said.map((one) => generate(one, { protocolVersion: 5 })))
  const heard: unknown[] = []
  const sink = {
    connack: (reason: number) => heard.push(['connack', reason]),
    suback: (id: number, reasons: number[]) => heard.push(['suback', id, reasons]),
    puback: (id: number, reason: number) => heard.push(['puback', id, reason]),
    publish: (all: Buffer, from: number, to: number, id: number) =>
      heard.push(['publish', all.toString('utf8', from, to), id]),
    disconnect: (reason: number) => heard.push(['disconnect', reason]),
  }
  const expected = [
    ['connack', 0],
    ['suback', 7, [1, 0x87]],
    ['publish', payload.toString(), 0],
    ['publish', payload.toString(), 300],
    ['puback', 0x102, 0],
    ['puback', 0x103, 0x97],
    ['disconnect', 0x8b],
  ]
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = new Reader(sink)
    reader.read(bytes.subarray(0, cut))
    reader.read(bytes.subarray(cut))
    expect(heard.splice(0)).toEqual(expected)
  }
  const reader = new Reader(sink)
  for (const byte of bytes) reader.read(Buffer.from([byte]))
  expect(heard).toEqual(expected)
})
