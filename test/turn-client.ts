import { createHash, createHmac, randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { EventEmitter, once } from 'node:events'
import { isIPv4 } from 'node:net'
import { connect } from 'node:tls'
import type { Closable } from '../shared/shutdown.ts'
import type { Login } from './coturn.ts'

// The parts of TURN (RFC 8656) needed to allocate a relay, and to get permission to send from it to any peer.

const [ALLOCATE, CREATE_PERMISSION] = [0x0003, 0x0008]
const [USERNAME, INTEGRITY, ERROR_CODE, PEER, REALM, NONCE] = [0x0006, 0x0008, 0x0009, 0x0012, 0x0014, 0x0015]
const [FAMILY, TRANSPORT] = [0x0017, 0x0019]
const COOKIE = Buffer.from('2112a442', 'hex')
const UDP = attribute(TRANSPORT, Buffer.from([17, 0, 0, 0]))
const IPV6 = attribute(FAMILY, Buffer.from([2, 0, 0, 0]))

export interface Relay extends Closable {
  /** 0 when the relay may send to this address; else the server's error code. */
  permits(peer: string): Promise<number>
}

/** A connection to a server on this machine. */
interface Wire extends Closable {
  send(request: Buffer): void
  /** Emits `message` with each answer. */
  readonly heard: EventEmitter
}

export function overUdp(port: number): Wire {
  const socket = createSocket('udp4')
  return {
    heard: socket,
    send: (request) => socket.send(request, port, '127.0.0.1'),
    close: async () => void socket.close(),
  }
}

/** @param ca of the server's certificate, which must be for localhost */
export async function overTls(port: number, ca: string): Promise<Wire> {
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca })
  await once(socket, 'secureConnect')
  const heard = new EventEmitter()
  socket.on('data', (answer: Buffer) => heard.emit('message', answer)) // one request at a time
  return { heard, send: (request) => void socket.write(request), close: async () => void socket.destroy() }
}

/** Allocates a relay that sends from an address of this IP version. No other relay uses the connection. */
export async function openRelay(wire: Wire, { username, password }: Login, version: 4 | 6 = 4): Promise<Relay> {
  try {
    const challenge = await exchange(wire, ALLOCATE, () => [UDP])
    const [realm, nonce] = [challenge.get(REALM)!, challenge.get(NONCE)!]
    const key = createHash('md5').update(`${username}:${realm.toString()}:${password}`).digest()
    const login = [attribute(USERNAME, Buffer.from(username)), attribute(REALM, realm), attribute(NONCE, nonce)]
    const asked = [UDP, ...(version === 6 ? [IPV6] : []), ...login]
    const refused = errorOf(await exchange(wire, ALLOCATE, () => asked, key))
    if (refused !== 0) throw new Error(`no relay: ${refused}`)
    return {
      close: () => wire.close(),
      async permits(peer) {
        const body = (id: Buffer): Buffer[] => [attribute(PEER, xorAddress(peer, id)), ...login]
        return errorOf(await exchange(wire, CREATE_PERMISSION, body, key))
      },
    }
  } catch (err) {
    await wire.close()
    throw err
  }
}

type Attributes = Map<number, Buffer>
type Body = (id: Buffer) => Buffer[]

/** Sends a request until it is answered; UDP may lose it [RFC 8489 6.2.1]. */
async function exchange(wire: Wire, method: number, body: Body, key?: Buffer): Promise<Attributes> {
  const id = randomBytes(12)
  const attributes = Buffer.concat(body(id))
  const message = (length: number): Buffer => Buffer.concat([uint16(method), uint16(length), COOKIE, id, attributes])
  const signed =
    key &&
    createHmac('sha1', key)
      .update(message(attributes.length + 24))
      .digest() // including its own length [14.5]
  const request = signed
    ? Buffer.concat([message(attributes.length + 24), attribute(INTEGRITY, signed)])
    : message(attributes.length)
  const again = setInterval(() => wire.send(request), 500)
  wire.send(request)
  try {
    for (;;) {
      const [answer] = (await once(wire.heard, 'message', { signal: AbortSignal.timeout(10_000) })) as [Buffer]
      if (answer.subarray(8, 20).equals(id)) return attributesOf(answer)
    }
  } finally {
    clearInterval(again)
  }
}

function attribute(type: number, value: Buffer): Buffer {
  return Buffer.concat([uint16(type), uint16(value.length), value, Buffer.alloc(-value.length & 3)])
}

function attributesOf(message: Buffer): Attributes {
  const found: Attributes = new Map()
  for (let at = 20; at < message.length;) {
    const length = message.readUInt16BE(at + 2)
    found.set(message.readUInt16BE(at), message.subarray(at + 4, at + 4 + length))
    at += 4 + length + (-length & 3)
  }
  return found
}

function errorOf(attributes: Attributes): number {
  const error = attributes.get(ERROR_CODE)
  return error ? error[2]! * 100 + error[3]! : 0
}

/** An address and port 9, as XOR-PEER-ADDRESS has them [RFC 8489 14.2]. */
function xorAddress(address: string, id: Buffer): Buffer {
  const bytes = isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : ipv6Bytes(address)
  const mask = Buffer.concat([COOKIE, id])
  const [port, family] = [9 ^ mask.readUInt16BE(0), bytes.length === 4 ? 1 : 2]
  return Buffer.concat([Buffer.from([0, family]), uint16(port), bytes.map((byte, i) => byte ^ mask[i]!)])
}

function ipv6Bytes(address: string): Buffer {
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const [head = '', tail = ''] = address.split('::')
  const [before, after] = [groups(head), groups(tail)]
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return Buffer.concat([...before, ...zeros, ...after].map((group) => uint16(Number.parseInt(group, 16))))
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}
