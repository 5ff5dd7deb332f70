import { createHmac } from 'node:crypto'

/**
 * The password that coturn's `use-auth-secret` expects for a username [draft-uberti-behave-turn-rest-00, 2.2].
 * @param username `<expiry>:<user id>`, the expiry in Unix seconds
 */
export function turnPassword(secret: string, username: string): string {
  return createHmac('sha1', secret).update(username).digest('base64')
}
