import type { UserId } from '../../shared/wire/user-id.ts'
import type { Member } from '../shared/user-groups.ts'

/** A group after one of its members has left. */
interface Succession {
  readonly members: readonly Member[]
  /** The new owner, if the group has one. */
  readonly heir?: UserId
  /** The new owner as the leaver is told. */
  readonly seeming?: UserId | undefined
}

/**
 * Who is left, and who owns the group now. An owner who leaves hands it to the first admin, or else to the first member, among
 * those who know that they are members. The leaver is told the first of all, hidden or not, so that a block does not show.
 */
export function withoutMember(members: readonly Member[], leaver: Member): Succession {
  const left = members.filter((one) => one !== leaver)
  const knowing = left.filter(({ hidden }) => !hidden)
  const seeming = leaver.role === 'owner' ? firstIn(left)?.user : undefined
  // A hidden member may own the group. When nobody else is left to manage it, it passes on, too.
  const passes = leaver.role === 'owner' || knowing.every(({ role }) => role === 'member')
  const heir = passes ? firstIn(knowing) : undefined
  if (!heir) return { members: left, seeming }
  const changed = left.map((one): Member => {
    if (one === heir) return { ...one, role: 'owner' }
    return one.role === 'owner' ? { ...one, role: 'admin' } : one
  })
  return { members: changed, heir: heir.user, seeming }
}

/** The first admin of these, or else the first of all. */
function firstIn(members: readonly Member[]): Member | undefined {
  return members.find(({ role }) => role === 'admin') ?? members[0]
}
