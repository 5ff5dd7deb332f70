import { once } from 'node:events'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { WebSocket } from 'ws'
import { openStage, type Stage } from '../stage.ts'
import type { Device } from '../device.ts'

// Attacks on the web port. (Origins and subprotocols: `test/edge.test.ts`.)

let stage: Stage
let alice: Device
beforeAll(async () => {
  stage = await openStage([], { CONNECT_TIMEOUT: '5000' })
  alice = await stage.device('alice', { over: 'wss' })
})
afterAll(() => stage.close())

async function serves(): Promise<void> {
  expect(await alice.asks('whoami')).toMatchObject({ event: 'session_info' })
}

async function opened(): Promise<WebSocket> {
  const ws = new WebSocket(stage.wss, ['mqtt'], { ca: stage.ca, perMessageDeflate: true })
  ws.on('error', () => {})
  await once(ws, 'open')
  return ws
}

/** A TLS connection to the web port, for input that no library would send. */
async function raw(): Promise<TLSSocket> {
  const socket = connectTls({ port: stage.broker.ports.wss, host: '127.0.0.1', ca: stage.ca })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  return socket
}

/** Resolves when the broker has closed the socket, perhaps by a reset, when it was sent more than it has read. */
const closed = (socket: TLSSocket): Promise<unknown> => new Promise((resolve) => socket.resume().once('close', resolve))

const UPGRADE = [
  'GET /mqtt HTTP/1.1',
  'Host: localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: mqtt',
]
/** Opens a WebSocket by hand, for raw frames. */
async function upgraded(): Promise<TLSSocket> {
  const socket = await raw()
  socket.write(`${UPGRADE.join('\r\n')}\r\n\r\n`)
  await once(socket, 'data')
  return socket
}

test('one connection gets one answer, however many requests it sends at once', async () => {
  const socket = await raw()
  let heard = ''
  socket.setEncoding('latin1').on('data', (text: string) => (heard += text))
  socket.write('GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2_000))
  await closed(socket)
  expect(heard.match(/HTTP\/1\.1/g)).toHaveLength(1)
  expect(heard).toMatch(/^HTTP\/1\.1 404 [^]*connection: close/i)
  await serves()
})

test.each([
  ['PONGs', Buffer.from([0x8a, 0x80, 0, 0, 0, 0])],
  ['PINGs', Buffer.from([0x89, 0x80, 0, 0, 0, 0])],
  ['empty messages', Buffer.from([0x82, 0x80, 0, 0, 0, 0])],
])('endless %s end their connection long before the login timeout, and hold up nobody', async (_, frame) => {
  const patient = await openStage([], { CONNECT_TIMEOUT: '60000' })
  try {
    const socket = connectTls({ port: patient.broker.ports.wss, host: '127.0.0.1', ca: patient.ca })
    socket.on('error', () => {})
    socket.write(`${UPGRADE.join('\r\n')}\r\n\r\n`)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.resume().write(Buffer.concat(Array.from({ length: 5_000 }, () => frame)))
    await closed
  } finally {
    await patient.close()
  }
})

test('a frame that announces 100 MB is refused on its first bytes', async () => {
  const socket = await upgraded()
  const length = Buffer.alloc(8)
  length.writeBigUInt64BE(100_000_000n)
  socket.write(Buffer.concat([Buffer.from([0x82, 0xff]), length, Buffer.alloc(4)]))
  await closed(socket)
  await serves()
})

test('a message in endless fragments is cut off at the size of a packet', async () => {
  const ws = await opened()
  const ends = once(ws, 'close')
  const part = Buffer.alloc(1_000)
  for (let sent = 0; ws.readyState === WebSocket.OPEN && sent < 2 * stage.config.MAX_PACKET_BYTES; sent += 1_000) {
    ws.send(part, { fin: false })
  }
  expect((await ends)[0]).toBe(1009)
  await serves()
})

test('a flood of empty fragments ends its connection', async () => {
  const socket = await upgraded()
  const [first, more] = [Buffer.from([0x02, 0x80, 0, 0, 0, 0]), Buffer.from([0x00, 0x80, 0, 0, 0, 0])]
  socket.write(Buffer.concat([first, ...Array.from({ length: 20_000 }, () => more)]))
  await closed(socket) // at the latest for sending no CONNECT in time
  await serves()
})

test('compression is not negotiated, and a compressed frame is refused, so no bomb is inflated', async () => {
  const ws = await opened()
  expect(ws.extensions).toBe('')
  ws.terminate()
  const socket = await upgraded()
  socket.write(Buffer.from([0xc2, 0x81, 0, 0, 0, 0, 0x00])) // RSV1: compressed
  await closed(socket)
  await serves()
})

test.each([
  ['an unmasked frame', Buffer.from([0x82, 0x01, 0x00])],
  ['an unknown opcode', Buffer.from([0x83, 0x80, 0, 0, 0, 0])],
  ['a text frame of broken UTF-8', Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff])],
  ['a ping of 126 bytes', Buffer.concat([Buffer.from([0x89, 0xfe, 0, 126, 0, 0, 0, 0]), Buffer.alloc(126)])],
])('%s ends its connection and no other', async (_, frame) => {
  const socket = await upgraded()
  socket.write(frame)
  await closed(socket)
  await serves()
})

const without = (line: string): string => UPGRADE.filter((one) => !one.startsWith(line)).join('\r\n')
test.each([
  ['no key', without('Sec-WebSocket-Key')],
  ['no version', without('Sec-WebSocket-Version')],
  ['a key of the wrong size', UPGRADE.join('\r\n').replace('dGhlIHNhbXBsZSBub25jZQ==', 'short')],
  ['no method', UPGRADE.join('\r\n').replace('GET ', '')],
  ['POST', UPGRADE.join('\r\n').replace('GET', 'POST')],
  ['headers of 100 KB', `${UPGRADE.join('\r\n')}\r\nX: ${'x'.repeat(100_000)}`],
  ['a control character in a header', `${UPGRADE.join('\r\n')}\r\nX: a\u0000b`],
  ['no HTTP at all', '\u0010\u0000\u0004MQTT'],
])('an upgrade with %s gets no WebSocket', async (_, request) => {
  const socket = await raw()
  const heard: Buffer[] = []
  socket.on('data', (chunk: Buffer) => heard.push(chunk))
  socket.write(`${request}\r\n\r\n`)
  await closed(socket)
  expect(Buffer.concat(heard).toString()).not.toMatch(/^HTTP\/1\.1 101/)
  await serves()
})

test('an upgrade that trickles in, or never ends, is cut off', async () => {
  const socket = await raw()
  const dripping = setInterval(() => socket.write('X'), 50)
  socket.write(`${UPGRADE[0]}\r\nX-Slow: `)
  await closed(socket)
  clearInterval(dripping)
  await serves()
})
