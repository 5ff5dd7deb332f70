import type { Catalogue } from '../../shared/wire/catalogue.ts'
import type { Login } from '../aedes/port.ts'
import { Denied, type Session } from '../session.ts'
import { admitHandler, type HandlerKeys } from './handler-key.ts'
import { verifyToken } from './token.ts'

/**
 * Tells who a connection is: username `JWT` with a token, `handler` or `handler:<group>` with a key.
 * @throws {Denied} with the reason, for the log; the client learns only that it may not
 */
export function authenticate(
  login: Login,
  secrets: readonly string[],
  keys: HandlerKeys,
  catalogue: Catalogue,
): Session {
  const { username, password, client } = login
  if (username === undefined || password === undefined) throw new Denied('username or password is missing')
  if (username === 'JWT') {
    const { user, expiresAt } = verifyToken(password, secrets)
    return { kind: 'device', id: `${user}/${client}`, user, client, expiresAt }
  }
  if (username === 'handler' || username.startsWith('handler:')) {
    return admitHandler(login, username, password, keys, catalogue)
  }
  throw new Denied('username is neither JWT nor handler')
}
