import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { Member, Role, UserGroupRecord } from '../shared/user-groups.ts'

/** The most members of a group. */
export const MAX_MEMBERS = 1_000
/** The most bytes of all members' ids, which go out with each message to the group. */
const MAX_MEMBER_BYTES = 100_000

// What a member with each role may do to which roles. What no row allows is denied.
// prettier-ignore
const RIGHTS: Record<'retitle' | 'add' | 'remove' | 'set_role', Record<Role, readonly Role[]>> = {
  //            an owner                     an admin               a member
  retitle:  { owner: ['member'],          admin: ['member'],     member: [] },
  add:      { owner: ['member'],          admin: ['member'],     member: [] },
  remove:   { owner: ['admin', 'member'], admin: ['member'],     member: [] },
  set_role: { owner: ['admin', 'member'], admin: [],             member: [] },
}

/** @throws {Refusal} `forbidden` when the role does not allow the action */
export function checkRight(action: keyof typeof RIGHTS, { role }: Member, target: Role = 'member'): void {
  if (!RIGHTS[action][role].includes(target))
    throw refuse('forbidden', { group_id: `your role, ${role}, does not allow it` })
}

/** Finds the member to whom `me` does something. @throws {Refusal} `forbidden`, or `not_found` when there is no such member */
export function targetOf(group: UserGroupRecord, user: UserId, action: keyof typeof RIGHTS, me: Member): Member {
  checkRight(action, me)
  const target = group.members.find((one) => one.user === user)
  if (!target) throw refuse('not_found', { user_id: 'is not a member' })
  checkRight(action, me, target.role)
  return target
}

/** @throws {Refusal} `conflict` when the group would hold too many members */
export function checkSize(members: readonly Member[]): void {
  const bytes = members.reduce((sum, { user }) => sum + user.length, 0)
  if (members.length > MAX_MEMBERS || bytes > MAX_MEMBER_BYTES) throw refuse('conflict', { group_id: 'is full' })
}
