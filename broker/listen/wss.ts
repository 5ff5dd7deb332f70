import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { Tls } from '../../shared/dev-secrets.ts'
import type { From } from '../aedes/port.ts'
import type { AddressGate } from './address-gate.ts'
import { carriedToken } from './carried-token.ts'
import { closed, listening, portOf, tlsOptions, type Listener } from './tls.ts'

const SUBPROTOCOL = 'mqtt' // [MQTT-6.0.0-3]
const MQTT_PATH = '/mqtt'

/** MQTT over WebSocket at `/mqtt` of an HTTPS server. A browser's page may connect from this host or a listed origin only. */
export async function listenWss(
  settings: {
    host: string
    port: number
    tls: Tls
    gate: AddressGate
    origins: readonly string[]
    maxPayload: number
    /** Bytes of a request's headers, which may carry a token. */
    maxHeaders: number
    /** Milliseconds for the request that opens one. */
    timeout: number
  },
  accept: (stream: Duplex, from: From) => void,
): Promise<Listener> {
  const { host, port, tls, gate, origins, maxPayload, maxHeaders, timeout } = settings
  const limits = {
    maxHeaderSize: maxHeaders,
    headersTimeout: timeout,
    requestTimeout: timeout,
    keepAliveTimeout: timeout,
  }
  const server = createServer({ ...tlsOptions(tls), ...limits, connectionsCheckingInterval: 1_000 }, (_, response) => {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('MQTT over WebSocket is at /mqtt\n')
  })
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload,
    perMessageDeflate: false, // a bomb would be cheap to send and dear to open
    handleProtocols: () => SUBPROTOCOL,
  })
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    gate.admit(socket)
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {}) // from here on it is nobody's but ours
    const refusal = refusalOf(request, origins)
    if (refusal !== undefined) {
      socket.once('finish', () => socket.destroy()) // a peer that does not close would hold it for ever
      socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\n\r\n`)
      return
    }
    request.socket.setNoDelay(true)
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => {}) // its stream ends with it
      const address = request.socket.remoteAddress ?? 'unknown'
      accept(createWebSocketStream(ws), { address, carriedToken: carriedToken(request) })
    })
  })
  await listening(server, host, port)
  return {
    port: portOf(server),
    renew: (tls) => server.setSecureContext(tlsOptions(tls)),
    async close() {
      for (const ws of sockets.clients) ws.terminate()
      for (const socket of open) socket.destroy()
      await closed(server)
    },
  }
}

function refusalOf({ url, headers }: IncomingMessage, origins: readonly string[]): string | undefined {
  if (url?.split('?', 1)[0] !== MQTT_PATH) return '404 Not Found'
  const { origin, host } = headers
  if (origin !== undefined && origin !== `https://${host}` && !origins.includes(origin)) return '403 Forbidden'
  const asked = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim())
  return asked?.includes(SUBPROTOCOL) ? undefined : '400 Bad Request'
}
