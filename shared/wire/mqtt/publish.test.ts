import { expect, test } from '@jest/globals'
import { MalformedPacket } from './malformed.ts'
import { encodeUserProperties } from './publish-properties.ts'
import { decodePublish, encodeProperties, encodePublish, type OutgoingPublish, type Version } from './publish.ts'

/** A PUBLISH with this first byte and body, both in hex. */
function packet(first: string, body: string): Buffer {
  const bytes = Buffer.from(body.replaceAll(' ', ''), 'hex')
  return Buffer.concat([Buffer.from(first, 'hex'), Buffer.from([bytes.length]), bytes])
}

function code(first: string, body: string, version: Version = 5): number | undefined {
  try {
    decodePublish(packet(first, body), version)
  } catch (err) {
    if (err instanceof MalformedPacket) return err.reasonCode
    throw err
  }
  return undefined
}

const TOPIC = '0003 612f62'
const plain: OutgoingPublish = {
  topic: 'a/b',
  payload: Buffer.from('hi'),
  qos: 0,
  dup: false,
  retain: false,
  messageId: 0,
}

test('the example of the standard: topic a/b, message id 10, no payload [3.3.2]', () => {
  const wanted = { topic: 'a/b', payload: Buffer.alloc(0), qos: 1, dup: false, retain: false, messageId: 10 }
  const read = decodePublish(packet('32', `${TOPIC} 000a`), 4)
  expect({ ...read, payload: Buffer.from(read.payload) }).toEqual({ ...wanted, properties: undefined })
  expect(encodePublish({ ...plain, qos: 1, messageId: 10, payload: Buffer.alloc(0) }, 3).toString('hex')).toBe(
    '32070003612f62000a',
  )
})

test('DUP, QoS and RETAIN are bits of the first byte [3.3.1]', () => {
  for (const [qos, dup, retain] of [
    [0, false, true],
    [1, true, false],
    [2, true, true],
  ] as const) {
    const bytes = encodePublish({ ...plain, qos, dup, retain, messageId: 7 }, 5)
    expect(decodePublish(bytes, 5)).toMatchObject({ qos, dup, retain, messageId: qos > 0 ? 7 : 0, topic: 'a/b' })
  }
})

test('the payload is a part of the packet, to its end', () => {
  const bytes = encodePublish(plain, 4)
  const { payload } = decodePublish(bytes, 4)
  expect([payload.toString(), payload.buffer === bytes.buffer]).toEqual(['hi', true])
})

test('round-trips all properties of a PUBLISH, with user properties in order [MQTT-3.3.2-18]', () => {
  const properties = {
    payloadFormatIndicator: true,
    messageExpiryInterval: 0xffff_fffe,
    topicAlias: 65_535,
    responseTopic: 'antwort/grün',
    correlationData: Buffer.from([0, 255, 1]),
    userProperties: [
      ['a', '1'],
      ['b', ''],
      ['a', '\ufeff東京'],
      ['', 'a value that is longer than a loop writes'],
    ] as [string, string][],
    subscriptionIdentifiers: [1, 127, 128, 16_384, 268_435_455],
    contentType: 'text/plain',
  }
  const bytes = encodePublish({ ...plain, properties }, 5)
  expect(decodePublish(bytes, 5).properties).toEqual(properties)
  expect(encodePublish({ ...plain, properties: encodeProperties(properties) }, 5)).toEqual(bytes)
  expect(decodePublish(encodePublish({ ...plain, properties }, 4), 4)).toMatchObject({ properties: undefined })
})

test('keeps an indicator of 0 and an interval of 0', () => {
  const properties = { payloadFormatIndicator: false, messageExpiryInterval: 0 }
  expect(decodePublish(encodePublish({ ...plain, properties }, 5), 5).properties).toEqual(properties)
})

test('an alias stands for a topic [3.3.2.3.4]', () => {
  const bytes = encodePublish({ ...plain, topic: '', properties: { topicAlias: 3 } }, 5)
  expect(decodePublish(bytes, 5)).toMatchObject({ topic: '', properties: { topicAlias: 3 } })
})

test('accepts DUP at QoS 0', () => {
  expect(decodePublish(packet('38', `${TOPIC} 00`), 5)).toMatchObject({ qos: 0, dup: true })
})

// prettier-ignore
test.each<[string, number, string, string, Version?]>([
  ['QoS 3 [MQTT-3.3.1-4]',                           0x81, '36', `${TOPIC} 0001 00`],
  ['a message id of 0 [MQTT-2.2.1-3]',               0x82, '32', `${TOPIC} 0000 00`],
  ['no message id',                                  0x81, '32', TOPIC, 4],
  ['half a message id',                              0x81, '32', `${TOPIC} 00`, 4],
  ['no topic',                                       0x81, '30', '', 4],
  ['half a length of a topic',                       0x81, '30', '00', 4],
  ['a topic that reaches beyond the packet',         0x81, '30', '0004 612f62'],
  ['an empty topic [MQTT-4.7.3-1]',                  0x82, '30', '0000 7b7d', 4],
  ['neither topic nor alias [3.3.2.1]',              0x82, '30', '0000 00'],
  ['a topic with U+0000 [MQTT-1.5.4-2]',             0x81, '30', '0003 610062 00'],
  ['a topic that is no UTF-8 [MQTT-1.5.4-1]',        0x81, '30', '0002 c328 00'],
  ['a topic with a surrogate [MQTT-1.5.4-1]',        0x81, '30', '0003 eda080 00'],
  ['no length of properties',                        0x81, '30', TOPIC],
  ['a length of properties in 5 bytes',              0x81, '30', `${TOPIC} 8080808001`],
  ['a length longer than need be [MQTT-1.5.5-1]',    0x81, '30', `${TOPIC} 8000`],
  ['properties that reach beyond the packet',        0x81, '30', `${TOPIC} 06 0200000001`],
  ['a property that reaches beyond the properties',  0x81, '30', `${TOPIC} 04 02000000 01`],
  ['a text that reaches beyond the properties',      0x81, '30', `${TOPIC} 05 030003 6162 63`],
  ['a name of a user without a value',               0x81, '30', `${TOPIC} 04 260001 61`],
  ['a property of another packet [2.2.2.2]',         0x81, '30', `${TOPIC} 03 210001`],
  ['a property that does not exist [2.2.2.2]',       0x81, '30', `${TOPIC} 02 0701`],
  ['property 0',                                     0x81, '30', `${TOPIC} 02 0001`],
  ['a property that comes twice',                    0x82, '30', `${TOPIC} 0a 0200000000 0200000000`],
  ['an alias that comes twice',                      0x82, '30', `${TOPIC} 06 230001 230001`],
  ['an alias of 0 [MQTT-3.3.2-8]',                   0x94, '30', `${TOPIC} 03 230000`],
  ['a subscription identifier of 0 [3.3.2.3.8]',     0x82, '30', `${TOPIC} 02 0b00`],
  ['a payload format of 2 [3.3.2.3.2]',              0x82, '30', `${TOPIC} 02 0102`],
])('refuses %s', (...[, wanted, first, body, version]) => expect(code(first, body, version)).toBe(wanted))

test('refuses a packet whose length is not its remaining length', () => {
  const bytes = encodePublish(plain, 5)
  expect(() => decodePublish(bytes.subarray(0, -1), 5)).toThrow(MalformedPacket)
  expect(() => decodePublish(Buffer.concat([bytes, Buffer.alloc(1)]), 5)).toThrow(MalformedPacket)
})

test('refuses to encode a value that is too large for its field', () => {
  const long = 'x'.repeat(65_536)
  const wrong: Partial<OutgoingPublish>[] = [
    { topic: long },
    { qos: 1 },
    { qos: 1, messageId: 65_536 },
    { properties: { topicAlias: 0 } },
    { properties: { messageExpiryInterval: -1 } },
    { properties: { userProperties: [['a', long]] } },
    { properties: { correlationData: Buffer.alloc(65_536) } },
    { properties: { subscriptionIdentifiers: [268_435_456] } },
  ]
  for (const one of wrong) expect(() => encodePublish({ ...plain, ...one }, 5)).toThrow(RangeError)
  expect(decodePublish(encodePublish({ ...plain, topic: 'x'.repeat(65_535) }, 5), 5).topic).toHaveLength(65_535)
})

test.each([
  ['short', { 'command-id': 'alice/7~1', 'user-id': 'alice', empty: '' }],
  ['not ASCII', { größe: '✓'.repeat(40), '😀': 'ü' }],
  ['long', { clients: 'ü'.repeat(30_000), at: 'now' }],
])('user properties that are encoded in one pass are the same bytes: %s', (_, properties) => {
  const userProperties = Object.entries(properties)
  const bytes = encodePublish({ ...plain, properties: encodeUserProperties(properties) }, 5)
  expect(bytes.equals(encodePublish({ ...plain, properties: { userProperties } }, 5))).toBe(true)
  expect(decodePublish(bytes, 5).properties).toEqual({ userProperties })
})

test('no user property is longer than an MQTT string [1.5.4]', () => {
  expect(() => encodeUserProperties({ clients: 'x'.repeat(65_536) })).toThrow(RangeError)
})
