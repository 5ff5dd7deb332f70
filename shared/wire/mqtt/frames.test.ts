import { expect, test } from '@jest/globals'
import { bodyAt, Frames } from './frames.ts'
import { MalformedPacket } from './malformed.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const all = (frames: Frames): string[] => {
  const packets: string[] = []
  for (let packet = frames.next(); packet; packet = frames.next()) packets.push(packet.toString('hex'))
  return packets
}
const code = (act: () => unknown): number | undefined => {
  try {
    act()
  } catch (err) {
    if (err instanceof MalformedPacket) return err.reasonCode
    throw err
  }
  return undefined
}

const PING = 'c000'
const PUBLISH = '30050001617879'
const LONG = `30c801000161${'00'.repeat(197)}`

test('cuts packets that come in one chunk, without copying them', () => {
  const frames = new Frames(1_000)
  const chunk = hex(PING + PUBLISH + LONG)
  frames.push(chunk)
  expect(frames.next()!.buffer).toBe(chunk.buffer)
  expect(all(frames)).toEqual([PUBLISH, LONG])
  expect([frames.buffered, frames.pending]).toEqual([0, undefined])
})

test.each([1, 2, 3, 7, 100])('joins packets that come in chunks of %d bytes', (size) => {
  const frames = new Frames(1_000)
  const stream = hex((PING + PUBLISH + LONG).repeat(3))
  const packets: string[] = []
  for (let at = 0; at < stream.length; at += size) {
    frames.push(stream.subarray(at, at + size))
    packets.push(...all(frames))
  }
  expect(packets).toEqual([PING, PUBLISH, LONG, PING, PUBLISH, LONG, PING, PUBLISH, LONG])
})

test('a returned packet does not change while more arrives', () => {
  const frames = new Frames(1_000)
  frames.push(hex('3005'))
  frames.push(hex('000161787930'))
  const packet = frames.next()!
  for (let i = 0; i < 50; i++) frames.push(hex('ff'))
  expect(packet.toString('hex')).toBe(PUBLISH)
})

test('chunks may arrive faster than packets are read', () => {
  const frames = new Frames(1_000)
  for (let i = 0; i < 4; i++) frames.push(hex(PUBLISH + PING))
  expect(frames.buffered).toBe(36)
  expect(all(frames)).toHaveLength(8)
})

test('knows the length of the first packet once its length has arrived', () => {
  const frames = new Frames(1_000)
  frames.push(hex('30 c8'))
  expect([frames.next(), frames.pending, frames.buffered]).toEqual([undefined, undefined, 2])
  frames.push(hex('01'))
  expect([frames.next(), frames.pending, frames.buffered]).toEqual([undefined, 203, 3])
})

test('a remaining length of a fifth byte is malformed [MQTT-2.1.4]', () => {
  const frames = new Frames(1_000)
  frames.push(hex('30 ffffffff'))
  expect(code(() => frames.next())).toBe(0x81)
  expect(code(() => frames.pending)).toBe(0x81)
})

test('a packet larger than allowed is refused as soon as its length is known', () => {
  const exactly = new Frames(203)
  exactly.push(hex(LONG))
  expect(all(exactly)).toEqual([LONG])
  const frames = new Frames(202)
  frames.push(hex('30 c801'))
  expect(code(() => frames.next())).toBe(0x95)
  expect(frames.pending).toBe(203)
})

test('the body follows the length, and has that many bytes', () => {
  expect(bodyAt(hex(PING))).toBe(2)
  expect(bodyAt(hex(LONG))).toBe(3)
  for (const wrong of ['c0', 'c001', 'c00000', '30ffffffff01'])
    expect([wrong, code(() => bodyAt(hex(wrong)))]).toEqual([wrong, 0x81])
})
