import type { Context, HandlerSettings } from '../../shared/runtime/command.ts'
import type { Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { MIN_TTL, turnBook } from './turn-book.ts'

const MAX_TTL = 86_400
/** Bytes that a TURN server takes for a name, at most [RFC 8489 14.3]. */
const LONGEST_USERNAME = 508

/** Gives out credentials by coturn's REST scheme: `<expiry>:<user id>`, and its HMAC under a secret that coturn knows too. */
export function turnDesk(store: Store, { turn }: HandlerSettings) {
  const book = turn && turnBook(store, turn.perHour)
  return {
    /**
     * @param ttl seconds asked for; none for what the settings say
     * @throws {Refusal} `unavailable` where TURN is not set up, `rate_limited` beyond the user's share of the hour
     * @throws {Unavailable} while coturn's secrets cannot be read
     */
    async credentials(user: UserId, ttl: number | undefined, { id }: Pick<Context['command'], 'id'>) {
      if (!turn || !book) throw refuse('unavailable', undefined, 'TURN is not set up here')
      const lifetime = Math.min(Math.max(ttl ?? turn.ttl, MIN_TTL), MAX_TTL)
      const given = await book.expiryOf(user, id, lifetime)
      const username = `${given.expiry}:${user}`
      if (username.length > LONGEST_USERNAME)
        throw refuse('too_large', undefined, 'the user id is too long for the name of a TURN user')
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
    ...(stun.length > 0 ? [{ urls: stun }] : []), // browsers throw when a TURN server has no credentials, not when a STUN has
    ...(turn.length > 0 ? [{ urls: turn, username, credential }] : []),
  ]
}
