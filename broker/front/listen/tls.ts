import { once } from 'node:events'
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from 'node:tls'
import type { Tls } from '../../../shared/dev-secrets.ts'
import type { From } from '../identity/login.ts'
import type { AddressGate } from './address-gate.ts'
import type { Proxies } from './proxies.ts'

export interface Listener {
  readonly port: number
  /** Uses this certificate for new connections; open ones stay. */
  renew(tls: Tls): void
  close(): Promise<void>
}

/** Milliseconds. */
export const HANDSHAKE_TIMEOUT = 5_000

/** Forward secrecy and authenticated encryption: TLS 1.3, and the TLS 1.2 ciphers of Mozilla's "intermediate" profile (RFC 9325, 4.2). */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/** Options of every TLS server here. */
export function tlsOptions({ cert, key }: Tls): TlsOptions {
  return { cert, key, minVersion: 'TLSv1.2', ciphers: CIPHERS, handshakeTimeout: HANDSHAKE_TIMEOUT }
}

export interface TlsSettings {
  host: string
  port: number
  tls: Tls
  gate: AddressGate
  proxies: Proxies
}

/** Listens for TLS 1.2 and up. Each accepted socket comes with its client's address: from the PROXY header of a listed proxy, else the peer's. */
export async function listenTls(
  { host, port, tls, gate, proxies }: TlsSettings,
  accept: (socket: TLSSocket, from: From) => void,
): Promise<Listener> {
  const sockets = new Set<Socket>()
  /** By both ends of the connection, since the client's address may come from a PROXY header. */
  const admitted = new Map<string, From>()
  const secured = createTlsServer(tlsOptions(tls))
  secured.on('secureConnection', (socket) =>
    accept(socket, admitted.get(endsOf(socket)) ?? { address: socket.remoteAddress ?? 'unknown' }),
  )
  secured.on('tlsClientError', (_, socket) => socket.destroy()) // scanners, plain TCP, silent peers: Node leaves them open
  const begin = (socket: Socket, address: string): void => {
    const { loggedIn } = gate.admit(socket, address)
    if (socket.destroyed) return
    const ends = endsOf(socket)
    admitted.set(ends, { address, loggedIn })
    socket.once('close', () => admitted.delete(ends))
    secured.emit('connection', socket)
  }
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    const peer = socket.remoteAddress ?? 'unknown'
    if (!proxies.has(peer)) return begin(socket, peer)
    const found = (source: string): void => begin(socket, source)
    proxies.read(socket, found, (reason) => gate.refuse(peer, reason))
  })
  await listening(server, host, port)
  return {
    port: portOf(server),
    renew: (tls) => secured.setSecureContext(tlsOptions(tls)),
    close() {
      for (const socket of sockets) socket.destroy()
      return closed(server)
    },
  }
}

function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}

/** @throws the listen error, whose message holds the address */
export async function listening(server: NetServer, host: string, port: number): Promise<void> {
  server.listen({ host, port })
  await once(server, 'listening')
}

export function portOf(server: NetServer): number {
  return (server.address() as AddressInfo).port
}

export function closed(server: NetServer): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
