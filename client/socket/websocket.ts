import type { OpenSocket, Socket, SocketEvents } from './socket.ts'

/** As much of a WebSocket as is used: a browser's, React Native's, Node's, or one of the package `ws`. */
export interface WebSocketLike {
  binaryType: string
  send(bytes: Uint8Array): void
  close(): void
  addEventListener(name: 'open' | 'message' | 'close' | 'error', listener: (event: never) => void): void
}

/** Makes a WebSocket with this subprotocol. */
export type MakeWebSocket = (url: string, protocol: string) => WebSocketLike

/** MQTT over WebSocket. */
export function webSocket(make: MakeWebSocket = ownWebSocket): OpenSocket {
  return (url, events) => open(make(url, 'mqtt'), events)
}

function open(socket: WebSocketLike, events: SocketEvents): Socket {
  let why = ''
  socket.binaryType = 'arraybuffer'
  socket.addEventListener('open', () => events.opened())
  socket.addEventListener('message', ({ data }: { data: unknown }) => {
    if (data instanceof ArrayBuffer) events.received(new Uint8Array(data))
  })
  socket.addEventListener('error', ({ message }: { message?: string }) => (why = message ?? ''))
  socket.addEventListener('close', ({ code, reason }: { code: number; reason: string }) => {
    events.closed(why || reason || `the WebSocket was closed (${code})`)
  })
  return { send: (bytes) => socket.send(bytes), close: () => socket.close() }
}

function ownWebSocket(url: string, protocol: string): WebSocketLike {
  if (typeof WebSocket === 'undefined') {
    throw new Error('this runtime has no WebSocket: pass `webSocket`, or in Node use an mqtts:// URL')
  }
  return new WebSocket(url, protocol) as WebSocketLike
}
