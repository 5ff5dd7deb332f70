import type { Session } from '../../seam/session.ts'

/** Where a connection comes from. */
export interface From {
  address: string
  /** A token that its WebSocket's opening carried. */
  carriedToken?: string | undefined
  /** Told when it has logged in. */
  loggedIn?: ((kind: Session['kind']) => void) | undefined
}

/** What a CONNECT says of who it is. */
export interface Login extends From {
  username: string | undefined
  password: string | undefined
  client: string
  /** User properties of an MQTT 5 CONNECT, each with its first value. */
  properties: Readonly<Record<string, string>>
}
