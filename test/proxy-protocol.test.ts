import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { generate, parser, type IConnackPacket } from 'mqtt-packet'
import { WebSocket } from 'ws'
import { tokenFor } from './device.ts'
import { openStage, type Stage } from './stage.ts'

// The broker behind a TCP load balancer that passes on its clients' addresses.

const lines: string[] = []
let logins = 0
let behind: Stage
let alone: Stage
beforeAll(async () => {
  behind = await openStage([], { PROXY_PROTOCOL_FROM: '10.9.0.0/16, 127.0.0.1', CONNECTIONS_PER_ADDRESS: '2' }, lines)
  alone = await openStage([], { PROXY_PROTOCOL_FROM: '10.9.0.0/16' })
})
afterAll(() => Promise.all([behind?.close(), alone?.close()]))

function header(address: string): Buffer {
  const fixed = Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex')
  return Buffer.concat([fixed, Buffer.from(address.split('.').map(Number)), Buffer.from('7f000001d43122b3', 'hex')])
}

/** A connection that begins with these bytes, followed by TLS. */
function dial(port: number, first: Buffer): Socket {
  const socket = connectTcp(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(first)
  return socket
}

const closed = (socket: { once(event: 'close', heard: () => void): unknown }): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()))

/** The answer to a login over TLS on this connection; undefined when it is closed. */
function login(stage: Stage, socket: Socket, secret = stage.secret): Promise<number | undefined> {
  return new Promise((resolve) => {
    const tls = connectTls({ socket, ca: stage.ca, servername: 'localhost' })
    tls.on('error', () => {})
    tls.once('close', () => resolve(undefined))
    const answers = parser()
    answers.once('packet', (packet) => resolve((packet as IConnackPacket).returnCode))
    tls.on('data', (chunk) => answers.parse(chunk))
    const password = Buffer.from(tokenFor('alice', secret))
    tls.write(
      generate({
        cmd: 'connect',
        clientId: `c${logins++}`,
        clean: true,
        keepalive: 9,
        username: 'JWT',
        password,
      }),
    )
  })
}

test('a login is logged with the address from a listed proxy, on both ports', async () => {
  const { mqtts, wss } = behind.broker.ports
  expect(await login(behind, dial(mqtts, header('203.0.113.7')), 'a secret that is wrong')).toBe(5)
  expect(lines.join('')).toContain('"address":"203.0.113.7"')

  const tls = connectTls({ socket: dial(wss, header('203.0.113.8')), ca: behind.ca, servername: 'localhost' })
  const headers = { origin: 'https://evil.example' }
  const ws = new WebSocket(behind.wss, ['mqtt'], { createConnection: () => tls, headers })
  ws.on('error', () => {})
  await new Promise((resolve) => ws.once('unexpected-response', resolve))
  expect(lines.join('')).toMatch(/evil\.example.*"address":"203\.0\.113\.8"/)
})

test('limits count the addresses from the proxy', async () => {
  const { mqtts } = behind.broker.ports
  const open = ['203.0.113.20', '203.0.113.20', '203.0.113.21'].map((address) => dial(mqtts, header(address)))
  expect(await Promise.all(open.map((socket) => login(behind, socket)))).toEqual([0, 0, 0])
  expect(await login(behind, dial(mqtts, header('203.0.113.20')))).toBeUndefined()
  for (const socket of open) socket.destroy()
})

test.each([
  ['no header', Buffer.alloc(0)],
  ['a header of version 1', Buffer.from('PROXY TCP4 1.2.3.4 127.0.0.1 1 2\r\n')],
])('a connection of a listed proxy that sends %s is closed', async (_, first) => {
  for (const port of [behind.broker.ports.mqtts, behind.broker.ports.wss]) {
    expect(await login(behind, dial(port, first))).toBeUndefined()
  }
  expect(lines.join('')).toMatch(/"reason":"connection from a listed proxy without a PROXY header of version 2"/)
})

test('a header from another address is refused, and connections without one are served', async () => {
  const { mqtts, wss } = alone.broker.ports
  for (const port of [mqtts, wss]) await closed(dial(port, header('203.0.113.7')))
  expect(await login(alone, dial(mqtts, Buffer.alloc(0)))).toBe(0)
})
