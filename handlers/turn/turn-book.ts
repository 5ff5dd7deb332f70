import type { Document, Store } from '../../shared/store/documents.ts'
import { Refusal } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

/** The shortest lifetime of credentials, in seconds. */
export const MIN_TTL = 60
const HOUR = 3_600_000

interface Given {
  /** The id of the command that asked. */
  readonly id: string
  /** When the command was first run, in milliseconds since 1970. */
  readonly at: number
  /** Unix seconds. */
  readonly expiry: number
}

interface GivenDocument extends Document {
  readonly _id: UserId
  /** Credentials of the last hour, at most the user's share: to count them, and to recognise a redelivered command. */
  readonly given: readonly Given[]
}

/**
 * Counts the credentials that each user got in the last hour from all processes. Keeps one document per user, without passwords.
 * @param perHour credentials that one user may get in any hour
 * @param clock returns the time in milliseconds since 1970
 */
export function turnBook(store: Store, perHour: number, clock = Date.now) {
  const users = store.collection<GivenDocument>({ name: 'turn_credentials_given' })

  return {
    /**
     * When this command's credentials expire, and in how many seconds. The lifetime begins when the command runs: a command
     * that waited for its group would otherwise get less than it asked for, or credentials that have expired. The expiry is
     * kept, so that a redelivered command gets the same username, unless less than the shortest lifetime is left.
     * @throws {Refusal} `rate_limited` beyond the user's share of the hour
     */
    async expiryOf(user: UserId, id: string, lifetime: number): Promise<{ expiry: number; ttl: number }> {
      const now = clock()
      const seconds = Math.floor(now / 1000)
      const isOfThisHour = ({ at }: Given): boolean => Math.abs(now - at) < HOUR // an entry made while the clock was ahead must not count for long
      const after = await users.change(user, (found) => {
        const given = found?.given.filter(isOfThisHour) ?? []
        const known = given.find((one) => one.id === id)
        if (known && known.expiry - seconds >= MIN_TTL) return found
        if (!known && given.length >= perHour) throw tooMany(given[given.length - perHour]!.at + HOUR - now)
        const next = { id, at: known?.at ?? now, expiry: seconds + lifetime }
        return { _id: user, given: known ? given.map((one) => (one === known ? next : one)) : [...given, next] }
      })
      const { expiry } = after!.given.find((one) => one.id === id)!
      return { expiry, ttl: expiry - seconds }
    },
  }
}

function tooMany(retryAfterMs: number): Refusal {
  return new Refusal('rate_limited', { retryAfterMs: Math.max(1, Math.min(Math.ceil(retryAfterMs), HOUR)) })
}
