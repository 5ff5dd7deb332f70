import { boardOptions, CallingBoard, connect as connectByWebSocket, memoryStore, type ConnectOptions } from './index.ts'
import { tls } from './socket/tls.ts'

export * from './index.ts'
export { fileStore } from './store/file.ts'

export interface NodeOptions extends ConnectOptions {
  /** Certificates to trust besides the public ones, as PEM: for an mqtts:// URL. */
  ca?: string
}

/** Opens a connection that lasts until `close()`. In Node an mqtts:// URL is MQTT over TLS, without WebSocket. */
export function connect({ ca, ...options }: NodeOptions): CallingBoard {
  if (!options.url.startsWith('mqtts:')) return connectByWebSocket(options)
  return new CallingBoard({ ...boardOptions({ store: memoryStore(), ...options }), open: tls(ca) }, options.calls)
}
