import { Board, type BoardOptions } from './board.ts'
import type { FetchToken } from './connection.ts'
import { webSocket, type MakeWebSocket } from './socket/websocket.ts'
import { indexedDbStore } from './store/indexed-db.ts'
import { memoryStore } from './store/memory.ts'
import type { Store } from './store/store.ts'

export { Board, type CallOptions, type OwnEvents } from './board.ts'
export type { FetchToken, State, Token } from './connection.ts'
export * from './contract.ts'
export { Closed, Failed, NotStored, Rejected, Timeout, Uncertain, type Code } from './errors.ts'
export type { Waiting } from './open-calls.ts'
export { indexedDbStore } from './store/indexed-db.ts'
export { memoryStore } from './store/memory.ts'
export type { Changes, Entries, Store } from './store/store.ts'
export type { MakeWebSocket, WebSocketLike } from './socket/websocket.ts'

export interface ConnectOptions {
  /** Such as `wss://example.com/mqtt`; in Node `mqtts://example.com` too. */
  url: string
  /** Gives the token of the user who is signed in; called before each login, and before the session ends. */
  token: FetchToken
  /** Where the outbox is kept. By default IndexedDB where there is one, else memory. */
  store?: Store
  /** Makes the WebSocket where the runtime has none, or where it needs options. */
  webSocket?: MakeWebSocket
}

/** Opens a connection that lasts until `close()`. */
export function connect(options: ConnectOptions): Board {
  return new Board(boardOptions(options))
}

/** @internal */
export function boardOptions(options: ConnectOptions): BoardOptions {
  const { url, token, store = ownStore() } = options
  return { url, token, store, open: webSocket(options.webSocket) }
}

function ownStore(): Store {
  const has = typeof indexedDB !== 'undefined' && (globalThis.navigator as Partial<Navigator> | undefined)?.locks
  return has ? indexedDbStore() : memoryStore()
}
