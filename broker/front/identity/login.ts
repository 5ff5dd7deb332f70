import type { Session } from '../../seam/session.ts'

/** Where a connection comes from. */
export interface From {
  address: string
  /** A token from the request that opened the WebSocket. */
  carriedToken?: string | undefined
  /** Called once the connection has logged in. */
  loggedIn?: ((kind: Session['kind']) => void) | undefined
}

/** The credentials in a CONNECT. */
export interface Login extends From {
  username: string | undefined
  password: string | undefined
  client: string
  /** User properties of an MQTT 5 CONNECT, each with its first value. */
  properties: Readonly<Record<string, string>>
}
