import type { UserId } from '../../shared/wire/user-id.ts'
import { Denied, type Token } from '../session.ts'
import type { Storage } from '../storage/storage.ts'

/** Until when, in milliseconds since 1970; without it, for good. */
interface Term {
  until?: number | undefined
}

export type Revocations = ReturnType<typeof openRevocations>

/** Tokens that an operator has revoked and users whom he has banned: kept over a restart. */
export function openRevocations(storage: Storage) {
  const tokens = storage.table<Term>('revoked')
  const users = storage.table<Term>('banned')
  const held = (table: typeof tokens, key: string): boolean => {
    const term = table.get(key)
    return term !== undefined && (term.until === undefined || term.until > Date.now())
  }
  forgetPast(storage, tokens)
  forgetPast(storage, users)

  return {
    /** @throws {Denied} when the token is revoked or its user banned */
    check({ user, jti }: Pick<Token, 'user' | 'jti'>): void {
      if (held(users, user)) throw new Denied('the user is banned', 'banned', user)
      if (jti !== undefined && held(tokens, jti)) throw new Denied('token: revoked', 'unauthorized', user)
    },
    isBanned: (user: UserId): boolean => held(users, user),
    revoke: (jti: string, until?: number): Promise<void> => storage.commit((unit) => unit.put(tokens, jti, { until })),
    ban: (user: UserId, until?: number): Promise<void> => storage.commit((unit) => unit.put(users, user, { until })),
    unban: (user: UserId): Promise<void> => storage.commit((unit) => unit.remove(users, user)),
  }
}

function forgetPast(storage: Storage, table: ReturnType<Storage['table']>): void {
  const now = Date.now()
  for (const { key, value } of table.entries()) {
    const { until } = value as Term
    if (until !== undefined && until < now) storage.eventually((unit) => unit.remove(table, key))
  }
}
