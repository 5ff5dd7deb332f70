import { expect, test } from '@jest/globals'
import { Broken, Reader, Writer } from './record.ts'

test('every field is read back as written, whatever its size', () => {
  const writer = new Writer()
  const counts = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]
  const texts = ['', 'a', 'ü€😀', 'x'.repeat(41), 'x'.repeat(42), 'x'.repeat(126), 'x'.repeat(127), '€'.repeat(50_000)]
  const blobs = texts.map((text) => Buffer.from(text))
  for (let round = 0; round < 2; round++) {
    writer.begin(7)
    counts.forEach((one) => writer.count(one))
    texts.forEach((one) => writer.text(one))
    for (const one of [undefined, ...texts]) writer.maybeText(one)
    blobs.forEach((one) => writer.bytes(one))
    for (const one of [undefined, ...blobs]) writer.maybeBytes(one)
    writer.number(-0.1)
    const record = writer.end()
    writer.begin(8) // the next record does not change the previous one
    writer.text('another')
    writer.end()

    const reader = new Reader(record, 7)
    expect(counts.map(() => reader.count())).toEqual(counts)
    expect(texts.map(() => reader.text())).toEqual(texts)
    expect([undefined, ...texts].map(() => reader.maybeText())).toEqual([undefined, ...texts])
    for (const one of blobs) expect(reader.bytes().equals(one)).toBe(true)
    expect(reader.maybeBytes()).toBeUndefined()
    for (const one of blobs) expect(reader.maybeBytes()?.equals(one)).toBe(true)
    expect(reader.number()).toBe(-0.1)
    expect(() => reader.count()).toThrow(Broken)
  }
})

test('refuses a record that is cut off, has one flipped bit, or has another version', () => {
  const writer = new Writer()
  writer.begin(1)
  writer.text('hello')
  writer.number(Math.PI)
  const record = writer.end()
  for (let size = 0; size < record.length; size++) {
    expect(() => new Reader(record.subarray(0, size), 1)).toThrow(Broken)
  }
  for (let bit = 0; bit < record.length * 8; bit++) {
    const other = Buffer.from(record)
    other[bit >> 3]! ^= 1 << (bit & 7)
    expect(() => new Reader(other, 1)).toThrow(Broken)
  }
  expect(() => new Reader(record, 2)).toThrow('its layout has version 1, expected 2')
})

test('textUnless skips a text that ends with the number in base 36, and reads any other', () => {
  const writer = new Writer()
  const order = Date.now() * 1_024
  const ending = order.toString(36)
  const texts = [`alice/re~${ending}`, `~${ending}`, `alice/re~1~${ending}`]
  const others = [
    '',
    '~',
    ending,
    `alice/re~0${ending}1`,
    `alice/re~${ending.slice(1)}`,
    `é~${(order + 1).toString(36)}`,
  ]
  writer.begin(1)
  for (const text of [...texts, ...others]) writer.text(text)
  writer.number(1)
  const reader = new Reader(writer.end(), 1)
  for (const _ of texts) expect(reader.textUnless(order)).toBeUndefined()
  for (const text of others) expect(reader.textUnless(order)).toBe(text)
  expect(reader.number()).toBe(1)
})
