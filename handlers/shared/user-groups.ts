import { z } from 'zod'
import type { CollectionSpec, Document, Store } from '../../shared/store/documents.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { giveWay } from './give-way.ts'

export const ROLES = ['owner', 'admin', 'member'] as const
export type Role = (typeof ROLES)[number]

/** 128 bits in base64url, as messages have. */
export const groupId = z.string().regex(/^[A-Za-z0-9_-]{22}$/, 'is no group id')

export interface Member {
  readonly user: UserId
  readonly role: Role
  /** The last message that was there before he came: he sees those behind it. */
  readonly since: number
  /** He blocks the one who added him: to the others he is a member, but he knows nothing of it. */
  readonly hidden?: boolean
}

/** A group of users; the groups group alone writes it. */
export interface UserGroupRecord extends Document {
  readonly title: string
  readonly members: readonly Member[]
}

export const USER_GROUPS: CollectionSpec = { name: 'groups' }

/** Where to look for a user's groups. Only a hint: whether he is a member is what the group says. */
export interface MembershipRecord extends Document {
  readonly user: UserId
  readonly group: string
}
export const MEMBERSHIPS: CollectionSpec = {
  name: 'group_memberships',
  indexes: { by_user: { fields: ['user', 'group'] } },
}

/** A group as one of its members sees it. */
export interface Joined {
  readonly group: UserGroupRecord
  readonly me: Member
}

/** A user's membership, undefined for everybody else: as if there were no such group. */
export function joined(group: UserGroupRecord | undefined, user: UserId): Joined | undefined {
  const me = group?.members.find((member) => member.user === user && !member.hidden)
  return group && me && { group, me }
}

/** Who is in which group, for every group of handlers. */
export function userGroups(store: Store) {
  const groups = store.collection<UserGroupRecord>(USER_GROUPS)
  const memberships = store.collection<MembershipRecord>(MEMBERSHIPS)

  return {
    async joined(id: string, user: UserId): Promise<Joined | undefined> {
      return joined(await groups.get(id), user)
    },
    /** Groups that a user may be in, at most `limit`, without a look at any: a search reads those alone that it has found something in. */
    async hinted(user: UserId, limit: number): Promise<string[]> {
      return (await memberships.find({ by: 'by_user', where: { user }, limit })).map(({ group }) => group)
    },
    /** The groups of a user in the order of their ids, behind `after`; at most `limit`, 1 to 1,000. */
    async page(user: UserId, after: string | undefined, limit: number): Promise<Joined[]> {
      const found: Joined[] = []
      for (let place = after ?? '', isMore = true; isMore && found.length < limit;) {
        const behind = { _id: '\u{10ffff}', group: place }
        const hints = await memberships.find({ by: 'by_user', where: { user }, after: behind, limit })
        for (const { group } of hints) {
          await giveWay() // it may have a thousand members
          const one = joined(await groups.get(group), user)
          if (one) found.push(one)
        }
        isMore = hints.length === limit
        place = hints.at(-1)?.group ?? ''
      }
      return found.slice(0, limit)
    },
  }
}

/** Those who hear what happens in a group, once it has this many messages. */
export function hearersOf({ members }: UserGroupRecord, seq = Infinity): UserId[] {
  return members.filter(({ hidden, since }) => !hidden && since < seq).map(({ user }) => user)
}
