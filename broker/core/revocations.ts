import type { UserId } from '../../shared/wire/user-id.ts'
import { Denied, type Token } from '../seam/session.ts'
import type { Storage } from '../storage/storage.ts'

/** `until`: in milliseconds since 1970; without it, for good. */
interface Term {
  until?: number | undefined
}

export type Revocations = ReturnType<typeof openRevocations>

/** Tokens that operators have revoked and users they have banned. Stored, and also in memory, since every login is checked. */
export function openRevocations(storage: Storage) {
  const tokens = openTerms(storage, 'revoked')
  const users = openTerms(storage, 'banned')

  return {
    /** @throws {Denied} when the token is revoked or its user banned */
    check({ user, jti }: Pick<Token, 'user' | 'jti'>): void {
      if (users.has(user)) throw new Denied('the user is banned', 'banned', user)
      if (jti !== undefined && tokens.has(jti)) throw new Denied('token: revoked', 'unauthorized', user)
    },
    /** True when the user is banned or the token revoked. */
    holds: ({ user, jti }: { user: UserId; jti?: string | undefined }): boolean =>
      users.has(user) || (jti !== undefined && tokens.has(jti)),
    /** Until when a user is banned, in milliseconds since 1970; Infinity: for good; undefined: not at all. */
    bannedUntil: (user: UserId): number | undefined => users.until(user),
    revoke: (jti: string, until?: number): Promise<void> => tokens.put(jti, until),
    ban: (user: UserId, until?: number): Promise<void> => users.put(user, until),
    unban: (user: UserId): Promise<void> => users.remove(user),
  }
}

/** Keys, each valid until a time. */
function openTerms(storage: Storage, name: string) {
  const table = storage.table<Term>(name)
  const held = new Map<string, number>()
  for (const { key, value } of table.entries()) {
    const { until = Infinity } = value
    if (until < Date.now()) storage.eventually((unit) => unit.remove(table, key))
    else held.set(String(key), until)
  }
  return {
    has: (key: string): boolean => (held.get(key) ?? 0) > Date.now(),
    until(key: string): number | undefined {
      const until = held.get(key) ?? 0
      return until > Date.now() ? until : undefined
    },
    put: (key: string, until?: number): Promise<void> =>
      storage.commit((unit) => {
        unit.put(table, key, { until })
        unit.afterwards(() => void held.set(key, until ?? Infinity))
      }),
    remove: (key: string): Promise<void> =>
      storage.commit((unit) => {
        unit.remove(table, key)
        unit.afterwards(() => void held.delete(key))
      }),
  }
}
