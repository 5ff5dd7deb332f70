import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

/**
 * For a command that is about another user: `refuseSelf({ user_id }, from.user)`.
 * @param named the command's field and the user it names
 * @param instead what to do instead, as in `use leave_group`
 * @throws {Refusal} `bad_payload` when the field names the caller
 */
export function refuseSelf(named: Record<string, UserId | undefined>, caller: UserId, instead?: string): void {
  const field = Object.keys(named).find((name) => named[name] === caller)
  if (field === undefined) return
  throw refuse('bad_payload', { [field]: instead === undefined ? 'is yourself' : `is yourself: ${instead}` })
}
