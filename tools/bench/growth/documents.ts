import type { Member, UserGroupRecord, MembershipRecord } from '../../../handlers/shared/user-groups.ts'
import { hashOf, idFrom, scopeOf, type MessageRecord } from '../../../handlers/shared/message-chain.ts'
import { pairKey, type PairRecord } from '../../../handlers/shared/contact-pairs.ts'
import type { PresenceRecord } from '../../../handlers/shared/presence-state.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'

// Documents as the handlers store them.

type Stands = 'contact' | 'asks' | 'blocks'
const STANDS = {
  contact: { mine: { sees: 'contact', blocks: false }, theirs: { sees: 'contact', blocks: false } },
  asks: { mine: { sees: 'requested', blocks: false }, theirs: { sees: 'requesting', blocks: false } },
  blocks: { mine: { sees: 'none', blocks: true }, theirs: { sees: 'none', blocks: false } },
} as const
const LISTS = { none: 'none', contact: 'contacts', requested: 'requests', requesting: 'requests' }

/** Two users, and the relation of one to the other. */
export function pair(one: UserId, stands: Stands, other: UserId): PairRecord {
  const { mine, theirs } = STANDS[stands]
  const [low, low_side, high, high_side] = one < other ? [one, mine, other, theirs] : [other, theirs, one, mine]
  const listed = (side: typeof low_side): string => (side.blocks ? 'blocks' : LISTS[side.sees])
  const lists = { low_list: listed(low_side), high_list: listed(high_side) }
  const asked = { _id: pairKey(low, high), low, high, low_side, high_side, ...lists }
  return stands === 'asks' ? { ...asked, asker: one } : asked
}

/** A user who is online. */
export function present(_id: UserId): PresenceRecord {
  const state = { _id, online: true, status: 'available', shown: true, shows_last_seen: true, recent: [] } as const
  return state
}

/** A message, to another user or to a group. */
export function message(from: UserId, at: { to: UserId } | { group: string }, seq: number): MessageRecord {
  const conversation = 'to' in at ? pairKey(from, at.to) : at.group
  const scopes = 'to' in at ? [scopeOf({ user: from }), scopeOf({ user: at.to })] : [scopeOf(at)]
  const body = `snow of ${seq % 7} winters, ${seq % 2 ? 'odd' : 'even'}, and word${seq}`
  return {
    _id: messageId(conversation, seq),
    conversation,
    seq,
    from,
    ...at,
    scopes,
    body,
    hash: hashOf({ body }),
    sent_at: new Date(1_700_000_000_000 + seq).toISOString(),
  }
}

export const messageId = (conversation: string, seq: number): string => idFrom(`${conversation} ${seq}`)

export function group(_id: string, users: readonly UserId[]): UserGroupRecord {
  const members = users.map((user, i): Member => ({ user, role: i ? 'member' : 'owner', since: 0 }))
  const whole = { _id, title: 'Some', members, recent: [] }
  return whole
}

export const membership = (user: UserId, id: string): MembershipRecord => ({ _id: `${user} ${id}`, user, group: id })
