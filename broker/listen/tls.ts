import { once } from 'node:events'
import type { AddressInfo, Server as NetServer, Socket } from 'node:net'
import { createServer, type TlsOptions } from 'node:tls'
import type { Tls } from '../../shared/dev-secrets.ts'
import type { AddressGate } from './address-gate.ts'

export interface Listener {
  readonly port: number
  /** New connections get this certificate; those that are up stay. */
  renew(tls: Tls): void
  close(): Promise<void>
}

/** Milliseconds. */
export const HANDSHAKE_TIMEOUT = 5_000

/** Forward secrecy and authenticated encryption: TLS 1.3, and of 1.2 what Mozilla's "intermediate" keeps (RFC 9325, 4.2). */
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

/** What a TLS server of ours is made with. */
export function tlsOptions({ cert, key }: Tls): TlsOptions {
  return { cert, key, minVersion: 'TLSv1.2', ciphers: CIPHERS, handshakeTimeout: HANDSHAKE_TIMEOUT }
}

/** MQTT over TLS (1.2 and up). */
export async function listenTls(
  { host, port, tls, gate }: { host: string; port: number; tls: Tls; gate: AddressGate },
  accept: (socket: Socket) => void,
): Promise<Listener> {
  const sockets = new Set<Socket>()
  const server = createServer(tlsOptions(tls))
  server.on('secureConnection', accept)
  server.on('connection', (socket: Socket) => {
    gate.admit(socket)
    socket.setNoDelay(true) // without it a round trip costs 44 ms
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', (_, socket) => socket.destroy()) // scanners, plain TCP, who says nothing: Node leaves them open
  await listening(server, host, port)
  return {
    port: portOf(server),
    renew: (tls) => server.setSecureContext(tlsOptions(tls)),
    close() {
      for (const socket of sockets) socket.destroy()
      return closed(server)
    },
  }
}

/** @throws the listen error, with the address in its message */
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
