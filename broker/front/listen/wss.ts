import { createServer, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocketServer } from 'ws'
import { originOf } from '../../../shared/origin.ts'
import type { From } from '../identity/login.ts'
import type { Lingering } from '../lingering.ts'
import type { Page } from '../pages/open-page.ts'
import type { RefusedOrigin } from '../witness.ts'
import { carriedToken } from './carried-token.ts'
import { readFirstRequest } from './first-request.ts'
import { boundFrames } from './frames.ts'
import { listenTls, type Listener, type TlsSettings } from './tls.ts'

const SUBPROTOCOL = 'mqtt' // [MQTT-6.0.0-3]
const MQTT_PATH = '/mqtt'
/** Fragments of one WebSocket message. */
const MAX_FRAGMENTS = 1_024
/** Milliseconds that a client has to read a file of the page. */
const SENDING = 60_000

export interface WssSettings extends TlsSettings {
  /** Normalized. */
  origins: readonly string[]
  maxPayload: number
  /** Most bytes of a request's headers, which may carry a token. */
  maxHeaders: number
  /** Milliseconds in which a WebSocket must be opened, or a file be asked for. */
  timeout: number
  lingering: Lingering
  /** Called for each page that is refused for its origin. */
  refusedOrigin: (refused: RefusedOrigin) => void
  page: Page | undefined
}

/**
 * Serves MQTT over WebSocket at `/mqtt` of an HTTPS server, and the page if there is one. Pages may connect only from this host or a
 * listed origin. Each connection carries one request.
 */
export async function listenWss(
  settings: WssSettings,
  accept: (stream: Duplex, from: From) => void,
): Promise<Listener> {
  const { origins, maxPayload, maxHeaders, timeout, lingering, refusedOrigin, page } = settings
  const opening = new WeakMap<Duplex, { from: From; rest: Buffer; allow: (ms?: number) => void }>()
  const http = createServer({ maxHeaderSize: maxHeaders }, (request, response) => {
    response.setHeader('connection', 'close').once('finish', () => request.socket.destroySoon())
    if (page?.answer(request, response)) return opening.get(request.socket)!.allow(SENDING)
    response.writeHead(404, { 'content-type': 'text/plain' }).end('MQTT over WebSocket is at /mqtt\n')
  })
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload,
    maxFragments: MAX_FRAGMENTS,
    allowSynchronousEvents: false, // one frame per connection and turn of the event loop
    perMessageDeflate: false, // a decompression bomb is cheap to send and expensive to inflate
    handleProtocols: () => SUBPROTOCOL,
  })
  http.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    const { from, rest, allow } = opening.get(socket)!
    const refusal = refusalOf(request, origins)
    if (refusal !== undefined) {
      const { origin, host } = request.headers
      if (refusal === FORBIDDEN) refusedOrigin({ origin: origin!, host, address: from.address })
      socket.write(`HTTP/1.1 ${refusal}\r\nConnection: close\r\n\r\n`)
      lingering.end(socket, () => socket.destroy())
      return
    }
    sockets.handleUpgrade(request, socket, rest, (ws) => {
      allow()
      ws.on('error', () => {}) // its stream ends with it
      boundFrames(ws)
      accept(createWebSocketStream(ws), { ...from, carriedToken: carriedToken(request) })
    })
  })
  const listener = await listenTls(settings, (socket, from) => {
    socket.on('error', () => {})
    let timer: NodeJS.Timeout | undefined
    /** Gives the connection so many milliseconds from now, or any time. */
    const allow = (ms?: number): void => {
      clearTimeout(timer)
      if (ms !== undefined) timer = setTimeout(() => socket.destroy(), ms)
    }
    allow(timeout)
    socket.once('close', () => clearTimeout(timer))
    readFirstRequest(socket, maxHeaders, (rest) => {
      opening.set(socket, { from, rest, allow })
      http.emit('connection', socket)
      socket.resume()
    })
  })
  return {
    ...listener,
    close() {
      for (const ws of sockets.clients) ws.terminate()
      return listener.close()
    },
  }
}

const FORBIDDEN = '403 Forbidden'

function refusalOf({ url, headers }: IncomingMessage, origins: readonly string[]): string | undefined {
  if (url?.split('?', 1)[0] !== MQTT_PATH) return '404 Not Found'
  const { origin, host } = headers
  if (origin !== undefined && !mayConnect(origin, host, origins)) return FORBIDDEN
  const asked = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim())
  return asked?.includes(SUBPROTOCOL) ? undefined : '400 Bad Request'
}

/** Is the page of this host, or of a listed origin? */
function mayConnect(text: string, host: string | undefined, origins: readonly string[]): boolean {
  const origin = originOf(text)
  if (origin === undefined) return false
  return origins.includes(origin) || (origin !== 'null' && origin === originOf(`https://${host}`))
}
