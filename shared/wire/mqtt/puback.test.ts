import { expect, test } from '@jest/globals'
import { MalformedPacket } from './malformed.ts'
import { decodePuback, encodePuback } from './puback.ts'
import type { Version } from './publish.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const code = (bytes: string, version: Version): number | undefined => {
  try {
    decodePuback(hex(bytes), version)
  } catch (err) {
    if (err instanceof MalformedPacket) return err.reasonCode
    throw err
  }
  return undefined
}

test.each([3, 4, 5] as const)('a PUBACK without a reason is only its message id (MQTT %d)', (version) => {
  const bytes = encodePuback(258, version)
  expect(bytes.toString('hex')).toBe('40020102')
  expect(decodePuback(bytes, version)).toEqual({ messageId: 258, reasonCode: 0, reasonString: undefined })
})

test('only MQTT 5 has a reason', () => {
  expect(encodePuback(1, 4, 0x97, 'too much').toString('hex')).toBe('40020001')
  const bytes = encodePuback(1, 5, 0x97, 'zu viel für dich')
  expect(decodePuback(bytes, 5)).toEqual({ messageId: 1, reasonCode: 0x97, reasonString: 'zu viel für dich' })
  expect(encodePuback(1, 5, 0x10).toString('hex')).toBe('400400011000')
})

test('the length of the properties, and before it the code, may be left out [3.4.2.1]', () => {
  expect(decodePuback(hex('4003 0001 87'), 5)).toMatchObject({ reasonCode: 0x87 })
  expect(decodePuback(hex('4004 0001 87 00'), 5)).toMatchObject({ reasonCode: 0x87 })
})

test('ignores user properties', () => {
  const bytes = hex('4015 0001 87 11 26 0001 61 0001 62 1f 0002 6e6f 26 0000 0000')
  expect(decodePuback(bytes, 5)).toEqual({ messageId: 1, reasonCode: 0x87, reasonString: 'no' })
})

// prettier-ignore
test.each<[string, number, string, Version]>([
  ['flags [MQTT-2.1.3-1]',                   0x81, '4202 0001', 4],
  ['a message id of 0 [MQTT-2.2.1-3]',       0x82, '4002 0000', 5],
  ['no message id',                          0x81, '4000', 5],
  ['half a message id',                      0x81, '4001 00', 4],
  ['a reason before MQTT 5',                 0x81, '4003 0001 00', 4],
  ['another reason code [MQTT-3.4.2-1]',     0x82, '4003 0001 92', 5],
  ['properties longer than the packet',      0x81, '4004 0001 00 01', 5],
  ['bytes behind the properties',            0x81, '4005 0001 00 00 00', 5],
  ['a property of another packet [2.2.2.2]', 0x81, '4006 0001 00 02 0101', 5],
  ['a reason string that comes twice',       0x82, '400a 0001 00 06 1f0000 1f0000', 5],
  ['a text that is no UTF-8',                0x81, '4008 0001 00 04 1f0001 ff', 5],
])('refuses %s', (_, wanted, bytes, version) => expect(code(bytes, version)).toBe(wanted))

test('does not encode a PUBACK for message id 0', () => expect(() => encodePuback(0, 5)).toThrow(RangeError))
