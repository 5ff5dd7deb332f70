import { once } from 'node:events'
import type { AddressInfo, Server as NetServer, Socket } from 'node:net'
import { createServer } from 'node:tls'
import type { Tls } from '../../shared/dev-secrets.ts'

export interface Listener {
  readonly port: number
  /** New connections get this certificate; those that are up stay. */
  renew(tls: Tls): void
  close(): Promise<void>
}

/** Milliseconds. */
export const HANDSHAKE_TIMEOUT = 5_000

/** MQTT over TLS (1.2 and up). */
export async function listenTls(
  { host, port, tls }: { host: string; port: number; tls: Tls },
  accept: (socket: Socket) => void,
): Promise<Listener> {
  const sockets = new Set<Socket>()
  const server = createServer({ ...tls, minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_TIMEOUT })
  server.on('secureConnection', accept)
  server.on('connection', (socket: Socket) => {
    socket.setNoDelay(true) // without it a round trip costs 44 ms
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', () => {}) // scanners and plain TCP: the socket is closed, there is nobody to answer
  await listening(server, host, port)
  return {
    port: portOf(server),
    renew: (tls) => server.setSecureContext({ ...tls, minVersion: 'TLSv1.2' }),
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
