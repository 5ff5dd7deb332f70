import {
  USER_GROUPS,
  userGroups,
  hearersOf,
  joined,
  MEMBERSHIPS,
  type UserGroupRecord,
  type Member,
  type MembershipRecord,
  type Role,
} from '../shared/user-groups.ts'
import { conversations, idFrom, type GroupChange, type MessageRecord } from '../shared/message-chain.ts'
import { relationBook } from '../shared/contact-pairs.ts'
import { giveWay } from '../shared/give-way.ts'
import type { CommandRef, HandlerSettings } from '../../shared/runtime/command.ts'
import type { Store } from '../../shared/store/documents.ts'
import { refuse, type Refusal } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

interface GroupDocument extends UserGroupRecord {
  /** What the last commands changed, and whom they put out: to tell it again after a crash. */
  readonly recent: readonly Done[]
}

interface Done {
  readonly id: string
  readonly change: GroupChange
  readonly out?: UserId | undefined
  /** To the others nothing has changed: he alone hears of it. */
  readonly only?: UserId | undefined
  /** Who owns it now, as the one who left is told. */
  readonly seeming?: UserId | undefined
}

/**
 * What becomes of a group; undefined when it is so already. `heir` owns it from then on, `seeming` does as the caller is told,
 * `out` hears of it last.
 */
type Decision =
  | {
      readonly title?: string
      readonly members?: readonly Member[]
      readonly heir?: UserId | undefined
      readonly seeming?: UserId | undefined
      readonly out?: UserId
      readonly only?: UserId | undefined
    }
  | undefined

/** What was done, and who else hears of it. Without a message nothing had to be done. */
export interface Outcome {
  readonly group: string
  readonly change: GroupChange
  /** Who owns it now, as the one who left is told: the others may be told somebody else. */
  readonly seeming?: UserId | undefined
  readonly message?: MessageRecord
  readonly others: readonly UserId[]
}

/** Of a group: its members, and the bytes of their ids, which go with each message. */
export const MOST_MEMBERS = 1_000
const MOST_BYTES = 100_000
/** Groups that a user is in when they make another one, at most. */
const MOST_GROUPS = 1_000
/** Members who are looked at, or written down, at once; between them others have their turn. */
const AT_ONCE = 50
/** Commands of all members that may have begun when a process dies, and room. */
const REMEMBERED = 128

// Who may do what, and to a member of which role. What no row allows is denied.
// prettier-ignore
const MAY: Record<'retitle' | 'add' | 'remove' | 'set_role', Record<Role, readonly Role[]>> = {
  //            an owner                     an admin               a member
  retitle:  { owner: ['member'],          admin: ['member'],     member: [] },
  add:      { owner: ['member'],          admin: ['member'],     member: [] },
  remove:   { owner: ['admin', 'member'], admin: ['member'],     member: [] },
  set_role: { owner: ['admin', 'member'], admin: [],             member: [] },
}

export type GroupBook = ReturnType<typeof groupBook>

/** Who is in which group, as what, and what has happened to it. */
export function groupBook(store: Store, settings: HandlerSettings) {
  const groups = store.collection<GroupDocument>(USER_GROUPS)
  const memberships = store.collection<MembershipRecord>(MEMBERSHIPS)
  const relations = relationBook(store, settings)
  const { append, lastSeq } = conversations(store)
  const all = userGroups(store)

  /** A new member, as far as `user` may add him. @throws {Refusal} `forbidden` */
  async function invited(user: UserId, other: UserId, field: string, since: number): Promise<Member> {
    const { hasAccess, blocks, isBlocked } = await relations.toward(user, other)
    if (!hasAccess || blocks) {
      throw refuse('forbidden', { [field]: `${other} is ${blocks ? 'blocked by you' : 'none of your contacts'}` })
    }
    return { user: other, role: 'member', since, ...(isBlocked && { hidden: true }) }
  }

  /** Does `other` hear of it when `user` adds him? */
  async function mayTakeIn(user: UserId, other: UserId): Promise<boolean> {
    const { hasAccess, blocks, isBlocked } = await relations.toward(user, other)
    return hasAccess && !blocks && !isBlocked
  }

  async function hint(group: string, user: UserId): Promise<void> {
    await memberships.insert({ _id: `${user} ${group}`, user, group })
  }

  /**
   * Makes a user's hint what his group says by now. Behind every change of it, and looked at again behind a removal: so it is
   * there for a member, however many change the group at once or again. One that is left over does no harm.
   */
  async function settleHint(group: string, user: UserId): Promise<void> {
    const isIn = async () => joined(await groups.get(group), user) !== undefined
    if (!(await isIn())) await memberships.remove(`${user} ${group}`)
    if (await isIn()) await hint(group, user)
  }

  /** Puts what a command changed into the group's history, and says who hears of it. */
  async function tell(user: UserId, group: GroupDocument, wanted: GroupChange, command: CommandRef): Promise<Outcome> {
    const done = group.recent.find(({ id }) => id === command.id)
    if (!done || done.only) return { group: group._id, change: wanted, others: done?.only ? [done.only] : [] }
    const message = await append({ from: user, group: group._id, system: done.change }, command)
    const hearers = new Set([...hearersOf(group), ...(done.out ? [done.out] : [])]) // by now he may be back
    const others = [...hearers].filter((one) => one !== user)
    return { group: group._id, change: done.change, seeming: done.seeming, message, others }
  }

  /** Changes a group once for each command. @throws {Refusal} `forbidden` to whoever is no member, as for no group at all */
  async function change(
    user: UserId,
    id: string,
    wanted: GroupChange,
    command: CommandRef,
    decide: (now: GroupDocument, me: Member) => Decision,
  ): Promise<Outcome> {
    const after = await groups.change(id, (now) => {
      if (isDone(now, command)) return now
      const mine = joined(now, user)
      if (!now || !mine) throw foreign()
      const next = decide(now, mine.me)
      if (!next) return now
      const { title = now.title, members = now.members, heir, seeming, out, only } = next
      const done = { id: command.id, change: { ...wanted, ...(heir && { owner: heir }) }, seeming, out, only }
      return { _id: id, title, members, recent: [...now.recent, done].slice(-REMEMBERED) }
    })
    return tell(user, after!, wanted, command)
  }

  return {
    /**
     * Makes a group of `user` and these members.
     * @throws {Refusal} `forbidden` when one of them is no contact of the user's, `conflict` when they are in too many groups
     */
    async create(user: UserId, title: string, others: readonly UserId[], command: CommandRef): Promise<Outcome> {
      const _id = idFrom(command.id)
      const change: GroupChange = { change: 'created', title }
      const before = await groups.get(_id)
      if (before) return tell(user, before, change, command)
      if ((await memberships.count({ by: 'by_user', where: { user }, limit: MOST_GROUPS })) >= MOST_GROUPS) {
        throw refuse('conflict', undefined, `you are in ${MOST_GROUPS} groups: leave one first`)
      }
      const members: Member[] = [{ user, role: 'owner', since: 0 }]
      members.push(...(await someAtOnce(others, (other) => invited(user, other, 'members', 0))))
      checkSize(members)
      await someAtOnce(members, async (member) => member.hidden || hint(_id, member.user))
      await groups.insert({ _id, title, members, recent: [{ id: command.id, change }] })
      return tell(user, (await groups.get(_id))!, change, command)
    },

    retitle(user: UserId, id: string, title: string, command: CommandRef): Promise<Outcome> {
      return change(user, id, { change: 'retitled', title }, command, (now, me) => {
        check('retitle', me)
        return now.title === title ? undefined : { title }
      })
    },

    async add(user: UserId, id: string, other: UserId, command: CommandRef): Promise<Outcome> {
      const wanted: GroupChange = { change: 'member_added', user_id: other }
      const before = await groups.get(id)
      if (before && isDone(before, command)) {
        await settleHint(id, other)
        return tell(user, before, wanted, command)
      }
      const mine = joined(before, user)
      if (!mine) throw foreign()
      check('add', mine.me)
      const there = before?.members.find((one) => one.user === other)
      // One who only seems to be there must go on to: nothing is checked that would not be if he were.
      const isSo = there && (!there.hidden || !(await mayTakeIn(user, other)))
      if (isSo) return { group: id, change: wanted, others: [] }
      const member = await invited(user, other, 'user_id', await lastSeq(id))
      const done = await change(user, id, wanted, command, (now, me) => {
        check('add', me)
        const there = now.members.find((one) => one.user === other)
        if (there && (!there.hidden || member.hidden)) return undefined
        // One who only seemed to be there keeps the role that the others see: it may be the owner's.
        const members = [...now.members.filter((one) => one !== there), { ...member, role: there?.role ?? member.role }]
        checkSize(members)
        return { members, only: there && other } // who only seemed to be there
      })
      await settleHint(id, other)
      return done
    },

    async remove(user: UserId, id: string, other: UserId, command: CommandRef): Promise<Outcome> {
      const done = await change(user, id, { change: 'member_removed', user_id: other }, command, (now, me) => {
        const target = memberOf(now, other, 'remove', me)
        return { members: now.members.filter((one) => one !== target), ...(!target.hidden && { out: other }) }
      })
      await settleHint(id, other)
      return done
    },

    /**
     * An owner who leaves hands the group to its first admin, or else to its first member, of those who know of it. The leaver
     * is told of the first one whether they know or not: a block must not show.
     */
    async leave(user: UserId, id: string, command: CommandRef): Promise<Outcome> {
      const done = await change(user, id, { change: 'member_left', user_id: user }, command, (now, me) => {
        const left = now.members.filter((one) => one !== me)
        const knowing = left.filter(({ hidden }) => !hidden)
        const seeming = me.role === 'owner' ? firstIn(left) : undefined
        // The owner may be one who does not know: then the group passes on when nobody else is left to manage it.
        const passes = me.role === 'owner' || knowing.every(({ role }) => role === 'member')
        const heir = passes ? firstIn(knowing) : undefined
        if (!heir) return { members: left, seeming: seeming?.user }
        const members = left.map((one): Member => {
          if (one === heir) return { ...one, role: 'owner' }
          return one.role === 'owner' ? { ...one, role: 'admin' } : one
        })
        return { members, heir: heir.user, seeming: seeming?.user }
      })
      await settleHint(id, user)
      return done
    },

    /** Gives a member another role; who gives `owner` away is an admin from then on. */
    setRole(user: UserId, id: string, other: UserId, role: Role, command: CommandRef): Promise<Outcome> {
      return change(user, id, { change: 'role_changed', user_id: other, role }, command, (now, me) => {
        const target = memberOf(now, other, 'set_role', me)
        if (target.role === role) return undefined
        const members = now.members.map((one): Member => {
          if (one === target) return { ...one, role }
          return one === me && role === 'owner' ? { ...one, role: 'admin' } : one
        })
        return { members }
      })
    },

    /** A group, with a page of its members behind the one called `cursor`, by their ids. @throws {Refusal} `forbidden` */
    async look(user: UserId, id: string, cursor: UserId | undefined, limit: number) {
      const found = await all.joined(id, user)
      if (!found) throw foreign()
      const { title, members } = found.group
      const behind = members.filter((one) => cursor === undefined || one.user > cursor)
      const page = behind.toSorted((a, b) => (a.user < b.user ? -1 : 1)).slice(0, limit)
      const next = behind.length > limit ? page.at(-1)!.user : undefined
      return { title, role: found.me.role, members: members.length, page, next }
    },

    /** A page of a user's groups, behind the one called `cursor`. */
    async list(user: UserId, cursor: string | undefined, limit: number) {
      const found = await all.page(user, cursor, limit + 1)
      const list = found.slice(0, limit)
      return { list, next: found.length > limit ? list.at(-1)!.group._id : undefined }
    },
  }
}

/** The first admin of these, or else the first of all. */
function firstIn(members: readonly Member[]): Member | undefined {
  return members.find(({ role }) => role === 'admin') ?? members[0]
}

async function someAtOnce<T, Result>(all: readonly T[], work: (one: T) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  for (let i = 0; i < all.length; i += AT_ONCE) {
    results.push(...(await Promise.all(all.slice(i, i + AT_ONCE).map(work))))
    await giveWay()
  }
  return results
}

function isDone(group: GroupDocument | undefined, { id }: CommandRef): boolean {
  return group?.recent.some((one) => one.id === id) ?? false
}

function foreign(): Refusal {
  return refuse('forbidden', { group_id: 'is no group of yours' })
}

/** @throws {Refusal} `forbidden`, when his role does not allow it */
function check(action: keyof typeof MAY, { role }: Member, to: Role = 'member'): void {
  if (!MAY[action][role].includes(to)) throw refuse('forbidden', { group_id: `not as its ${role}` })
}

/** The member to whom `me` does something. @throws {Refusal} `forbidden`, or `not_found` when he is none */
function memberOf(group: GroupDocument, user: UserId, action: keyof typeof MAY, me: Member): Member {
  check(action, me)
  const target = group.members.find((one) => one.user === user)
  if (!target) throw refuse('not_found', { user_id: 'is no member' })
  check(action, me, target.role)
  return target
}

/** @throws {Refusal} `conflict`, when the group would hold too many */
function checkSize(members: readonly Member[]): void {
  const bytes = members.reduce((sum, { user }) => sum + user.length, 0)
  if (members.length > MOST_MEMBERS || bytes > MOST_BYTES) throw refuse('conflict', { group_id: 'is full' })
}
