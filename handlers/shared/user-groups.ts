import { z } from 'zod'
import type { CollectionSpec, Document, Store } from '../../shared/store/documents.ts'
import { refuse, type Refusal } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { giveWay } from './give-way.ts'

export const ROLES = ['owner', 'admin', 'member'] as const
export type Role = (typeof ROLES)[number]

/** 128 bits in base64url, like a message id. */
export const groupId = z.string().regex(/^[A-Za-z0-9_-]{22}$/, 'is not a group id')

export interface Member {
  readonly user: UserId
  readonly role: Role
  /** The last message before this user joined: they see those after it. */
  readonly since: number
  /** The user blocks whoever added them: the others see a member, but the user does not know of the group. */
  readonly hidden?: boolean
}

// A user group is what `create_group` makes; a group without more is the handler processes of one folder.

/** A group of users. Only the handlers in `groups` write it. */
export interface UserGroupRecord extends Document {
  readonly title: string
  readonly members: readonly Member[]
}

export const USER_GROUPS: CollectionSpec = { name: 'groups' }

/** A hint where to find a user's groups. Whether the user is a member is only what the group's own record says. */
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

/** The refusal for users who are not members: the same as for a group that does not exist. */
export function notYourGroup(): Refusal {
  return refuse('forbidden', { group_id: 'is not one of your groups' })
}

/** The group as this user sees it; undefined for everyone who is not a member, as if there were no such group. */
export function joined(group: UserGroupRecord | undefined, user: UserId): Joined | undefined {
  const me = group?.members.find((member) => member.user === user && !member.hidden)
  return group && me && { group, me }
}

/** Reads who is in which user group, for every handler group but `groups` itself. */
export function userGroups(store: Store) {
  const groups = store.collection<UserGroupRecord>(USER_GROUPS)
  const memberships = store.collection<MembershipRecord>(MEMBERSHIPS)

  return {
    async joined(id: string, user: UserId): Promise<Joined | undefined> {
      return joined(await groups.get(id), user)
    },
    /** Ids of at most `limit` groups that a user may be in, without reading the groups: a search reads only those in which it finds something. */
    async hinted(user: UserId, limit: number): Promise<string[]> {
      return (await memberships.find({ by: 'by_user', where: { user }, limit })).map(({ group }) => group)
    },
    /** A user's groups in the order of their ids, after `after`: at most `limit`, 1 to 1,000. */
    async page(user: UserId, after: string | undefined, limit: number): Promise<Joined[]> {
      const found: Joined[] = []
      for (let place = after ?? '', isMore = true; isMore && found.length < limit;) {
        const hints = await memberships.find({ by: 'by_user', where: { user }, beyond: { group: place }, limit })
        for (const { group } of hints) {
          await giveWay() // a group may have a thousand members
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

/** The members who see the message with this `seq`; without one, all who know of the group. */
export function hearersOf({ members }: UserGroupRecord, seq = Infinity): UserId[] {
  return members.filter(({ hidden, since }) => !hidden && since < seq).map(({ user }) => user)
}
