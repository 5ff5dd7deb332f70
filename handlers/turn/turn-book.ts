import type { Document, Store } from '../../shared/store/documents.ts'
import { Refusal } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

/** Seconds that credentials last, at least. */
export const MIN_TTL = 60
const HOUR = 3_600_000

interface Given {
  /** The command that asked. */
  readonly id: string
  /** When it was first worked on, in milliseconds. */
  readonly at: number
  /** In Unix seconds. */
  readonly expiry: number
}

interface GivenDocument extends Document {
  readonly _id: UserId
  /** Those of the last hour, never more than a user may have: to count them, and to know a command that comes again. */
  readonly given: readonly Given[]
}

/**
 * How many credentials each user got in the last hour, by whichever process. One document a user, and no password in it.
 * @param perHour credentials of one user in any hour
 * @param clock the time in milliseconds
 */
export function turnBook(store: Store, perHour: number, clock = Date.now) {
  const users = store.collection<GivenDocument>({ name: 'turn_credentials_given' })

  return {
    /**
     * When this command's credentials expire, and in how many seconds. The time counts from when the command is worked on: one
     * that waited for its group would otherwise be answered with less than it asked for, or with what is past. It is kept, so
     * that the same command gives the same name when it comes again, unless less than the shortest lifetime is left of it.
     * @throws {Refusal} `rate_limited`
     */
    async expiryOf(user: UserId, id: string, lifetime: number): Promise<{ expiry: number; ttl: number }> {
      const now = clock()
      const seconds = Math.floor(now / 1000)
      const isOfThisHour = ({ at }: Given): boolean => Math.abs(now - at) < HOUR // a clock that was ahead binds nobody for long
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
