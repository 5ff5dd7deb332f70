import type { Context, HandlerSettings } from '../../shared/runtime/command.ts'
import type { Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { MIN_TTL, turnBook } from './turn-book.ts'

const MAX_TTL = 86_400
/** The longest username that a TURN server takes, in bytes [RFC 8489 14.3]. */
const LONGEST_USERNAME = 508

/** Issues credentials by coturn's REST scheme: `<expiry>:<user id>` and its HMAC under a secret shared with coturn. */
export function turnDesk(store: Store, { turn }: HandlerSettings) {
  const book = turn && turnBook(store, turn.perHour)
  return {
    /**
     * @param ttl the lifetime asked for, in seconds; by default TURN_TTL
     * @throws {Refusal} `unavailable` when TURN is not set up, `rate_limited` beyond the user's share of the hour, `too_large`
     *   when the user id does not fit into a username
     * @throws {Unavailable} while coturn's secrets cannot be read
     */
    async credentials(user: UserId, ttl: number | undefined, { id }: Pick<Context['command'], 'id'>) {
      if (!turn || !book) throw refuse('unavailable', undefined, 'TURN is not set up here')
      const lifetime = Math.min(Math.max(ttl ?? turn.ttl, MIN_TTL), MAX_TTL)
      const given = await book.expiryOf(user, id, lifetime)
      const username = `${given.expiry}:${user}`
      if (username.length > LONGEST_USERNAME)
        throw refuse('too_large', undefined, 'the user id is too long for a TURN username')
      const password = await turn.password(username)
      const ice_servers = iceServers(turn.uris, username, password)
      return { username, password, ttl: given.ttl, uris: [...turn.uris], ice_servers }
    },
  }
}

function iceServers(uris: readonly string[], username: string, credential: string) {
  const isStun = (uri: string): boolean => uri.startsWith('stun')
  const [stun, turn] = [uris.filter(isStun), uris.filter((uri) => !isStun(uri))]
  return [
    ...(stun.length > 0 ? [{ urls: stun }] : []), // without credentials: browsers want them for TURN servers only
    ...(turn.length > 0 ? [{ urls: turn, username, credential }] : []),
  ]
}
