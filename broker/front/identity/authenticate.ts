import type { Catalogue } from '../../../shared/wire/catalogue.ts'
import { isHandlerUsername } from '../../../shared/handler-username.ts'
import { Denied, sessionIdOf, type Session } from '../../seam/session.ts'
import { admitHandler, type HandlerKeys } from './handler-key.ts'
import type { Login } from './login.ts'
import { isJwt } from './token-form.ts'
import { verifyToken, type TokenSources } from './token.ts'

/** @throws {Denied} */
export type Authenticate = (login: Login) => Promise<Session>

export interface Identity {
  sources: TokenSources
  keys: HandlerKeys
}

/**
 * Authenticates a login. A device gives username `JWT` with a token as password, or a token in the request that opened its
 * WebSocket; a handler gives `handler` or `handler:<group>` with a key.
 * @throws {Denied} with the reason, for the log; the client learns only that it was refused
 */
export async function authenticate(login: Login, identity: Identity, catalogue: Catalogue): Promise<Session> {
  const { username, password, client, carriedToken } = login
  if (username !== undefined && isHandlerUsername(username)) {
    if (password === undefined) throw new Denied('password is missing')
    return admitHandler(login, username, password, identity.keys, catalogue)
  }
  if (username !== undefined && username !== 'JWT') throw new Denied('username must be JWT, handler or handler:<group>')
  const given = isJwt(password) ? password : (carriedToken ?? password)
  if (given === undefined) throw new Denied('username or password is missing')
  const token = await verifyToken(given, identity.sources)
  return { kind: 'device', id: sessionIdOf({ user: token.user, client }), user: token.user, client, token }
}
