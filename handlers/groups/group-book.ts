import {
  USER_GROUPS,
  userGroups,
  hearersOf,
  joined,
  notYourGroup,
  MEMBERSHIPS,
  type UserGroupRecord,
  type Member,
  type MembershipRecord,
  type Role,
} from '../shared/user-groups.ts'
import { conversations, idFrom, type MessageRecord } from '../shared/message-chain.ts'
import type { GroupChange } from '../shared/group-events.ts'
import { relationBook } from '../shared/contact-pairs.ts'
import { giveWay } from '../shared/give-way.ts'
import type { CommandRef, HandlerSettings } from '../../shared/runtime/command.ts'
import type { Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { checkRight, checkSize, targetOf } from './member-rights.ts'
import { withoutMember } from './group-succession.ts'

interface GroupDocument extends UserGroupRecord {
  /** What the last commands changed, so that a redelivered command has the same effects. */
  readonly recent: readonly Done[]
}

interface Done {
  /** The command's id. */
  readonly id: string
  readonly change: GroupChange
  /** The user who was removed. */
  readonly out?: UserId | undefined
  /** The only user who hears of it: to the others nothing has changed. */
  readonly only?: UserId | undefined
  /** The new owner, as the leaver is told. */
  readonly seeming?: UserId | undefined
}

/**
 * How a command changes a group; undefined when nothing has to change. `heir` is the new owner, `seeming` the new owner as
 * the caller is told; `out` and `only` are as in `Done`.
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

/** What a command did, and who else hears of it. Without a message it changed nothing for the others. */
export interface Outcome {
  readonly group: string
  readonly change: GroupChange
  /** The new owner, as the leaver is told: the others may be told another. */
  readonly seeming?: UserId | undefined
  readonly message?: MessageRecord
  readonly others: readonly UserId[]
}

/** A user in this many groups cannot create another. */
const MAX_GROUPS = 1_000
/** Members read or written at once, before giving way to other work. */
const AT_ONCE = 200
/** Commands remembered: more than all members can have begun when a process dies. */
const REMEMBERED = 128

/** Stores user groups, their members and roles, and records each change in the group's history. */
export function groupBook(store: Store, settings: HandlerSettings) {
  const groups = store.collection<GroupDocument>(USER_GROUPS)
  const memberships = store.collection<MembershipRecord>(MEMBERSHIPS)
  const relations = relationBook(store, settings)
  const { append, lastSeq } = conversations(store)
  const all = userGroups(store)

  /** New members, if `user` may add them. @throws {Refusal} `forbidden` */
  async function invited(user: UserId, others: readonly UserId[], field: string, since: number): Promise<Member[]> {
    const stand = await relations.towardMany(user, others)
    return others.map((other, i) => {
      const { closed, isBlocked } = stand[i]!
      if (closed !== undefined) throw refuse('forbidden', { [field]: `${other} ${closed}` })
      return { user: other, role: 'member', since, ...(isBlocked && { hidden: true }) }
    })
  }

  /** Does `other` hear of it when `user` adds them? */
  async function mayReallyAdd(user: UserId, other: UserId): Promise<boolean> {
    const { closed, isBlocked } = await relations.toward(user, other)
    return closed === undefined && !isBlocked
  }

  async function hint(group: string, user: UserId): Promise<void> {
    await memberships.insert({ _id: `${user} ${group}`, user, group })
  }

  /**
   * Makes a user's hint agree with the group. Called after every change, and the group is read again after a removal, so that
   * a member always has a hint, however many processes change the group at once. A left-over hint does no harm.
   */
  async function settleHint(group: string, user: UserId): Promise<void> {
    const isIn = async () => joined(await groups.get(group), user) !== undefined
    if (!(await isIn())) await memberships.remove(`${user} ${group}`)
    if (await isIn()) await hint(group, user)
  }

  /** Adds what a command changed to the group's history, and finds who hears of it. */
  async function tell(user: UserId, group: GroupDocument, wanted: GroupChange, command: CommandRef): Promise<Outcome> {
    const done = group.recent.find(({ id }) => id === command.id)
    if (!done || done.only) return { group: group._id, change: wanted, others: done?.only ? [done.only] : [] }
    const message = await append({ from: user, group: group._id, system: done.change }, command)
    const hearers = new Set([...hearersOf(group), ...(done.out ? [done.out] : [])]) // a removed user may be a member again by now
    const others = [...hearers].filter((one) => one !== user)
    return { group: group._id, change: done.change, seeming: done.seeming, message, others }
  }

  /** Changes a group once per command. @throws {Refusal} `forbidden` to users who are not members, as for a missing group */
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
      if (!now || !mine) throw notYourGroup()
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
     * Creates a group of `user` and these members.
     * @throws {Refusal} `forbidden` when one of them is not a contact, `conflict` when the user is in too many groups, or the
     *   group would be too large
     */
    async create(user: UserId, title: string, others: readonly UserId[], command: CommandRef): Promise<Outcome> {
      const _id = idFrom(command.id)
      const change: GroupChange = { change: 'created', title }
      const before = await groups.get(_id)
      if (before) return tell(user, before, change, command)
      if ((await memberships.count({ by: 'by_user', where: { user }, limit: MAX_GROUPS })) >= MAX_GROUPS) {
        throw refuse('conflict', undefined, `you are in ${MAX_GROUPS} groups: leave one first`)
      }
      const members: Member[] = [{ user, role: 'owner', since: 0 }]
      members.push(...(await someAtOnce(others, (some) => invited(user, some, 'members', 0))))
      checkSize(members)
      await someAtOnce(members, (some) => memberships.insertMany(hintsTo(_id, some)))
      await groups.insert({ _id, title, members, recent: [{ id: command.id, change }] })
      return tell(user, (await groups.get(_id))!, change, command)
    },

    retitle(user: UserId, id: string, title: string, command: CommandRef): Promise<Outcome> {
      return change(user, id, { change: 'retitled', title }, command, (now, me) => {
        checkRight('retitle', me)
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
      if (!mine) throw notYourGroup()
      checkRight('add', mine.me)
      const there = before?.members.find((one) => one.user === other)
      // For a hidden member who stays hidden, nothing is checked that would not be for a real one: a check would reveal the block.
      const isMember = there && (!there.hidden || !(await mayReallyAdd(user, other)))
      if (isMember) return { group: id, change: wanted, others: [] }
      const member = (await invited(user, [other], 'user_id', await lastSeq(id)))[0]!
      const done = await change(user, id, wanted, command, (now, me) => {
        checkRight('add', me)
        const there = now.members.find((one) => one.user === other)
        if (there && (!there.hidden || member.hidden)) return undefined
        // A hidden member keeps the role that the others see, which may be owner.
        const members = [...now.members.filter((one) => one !== there), { ...member, role: there?.role ?? member.role }]
        checkSize(members)
        return { members, only: there && other } // to the others a hidden member was there all along
      })
      await settleHint(id, other)
      return done
    },

    async remove(user: UserId, id: string, other: UserId, command: CommandRef): Promise<Outcome> {
      const done = await change(user, id, { change: 'member_removed', user_id: other }, command, (now, me) => {
        const target = targetOf(now, other, 'remove', me)
        return { members: now.members.filter((one) => one !== target), ...(!target.hidden && { out: other }) }
      })
      await settleHint(id, other)
      return done
    },

    async leave(user: UserId, id: string, command: CommandRef): Promise<Outcome> {
      const done = await change(user, id, { change: 'member_left', user_id: user }, command, (now, me) =>
        withoutMember(now.members, me),
      )
      await settleHint(id, user)
      return done
    },

    /** Changes a member's role. An owner who makes another member owner becomes an admin. */
    setRole(user: UserId, id: string, other: UserId, role: Role, command: CommandRef): Promise<Outcome> {
      return change(user, id, { change: 'role_changed', user_id: other, role }, command, (now, me) => {
        const target = targetOf(now, other, 'set_role', me)
        if (target.role === role) return undefined
        const members = now.members.map((one): Member => {
          if (one === target) return { ...one, role }
          return one === me && role === 'owner' ? { ...one, role: 'admin' } : one
        })
        return { members }
      })
    },

    /** A group, with a page of its members by user id, after `cursor`. @throws {Refusal} `forbidden` to users who are not members */
    async look(user: UserId, id: string, cursor: UserId | undefined, limit: number) {
      const found = await all.joined(id, user)
      if (!found) throw notYourGroup()
      const { title, members } = found.group
      const behind = members.filter((one) => cursor === undefined || one.user > cursor)
      const page = behind.toSorted((a, b) => (a.user < b.user ? -1 : 1)).slice(0, limit)
      const next = behind.length > limit ? page.at(-1)!.user : undefined
      return { title, role: found.me.role, members: members.length, page, next }
    },

    /** A page of a user's groups, after `cursor`. */
    async list(user: UserId, cursor: string | undefined, limit: number) {
      const found = await all.page(user, cursor, limit + 1)
      const list = found.slice(0, limit)
      return { list, next: found.length > limit ? list.at(-1)!.group._id : undefined }
    },
  }
}

/** Where to find a group, for those of its members who know of it. */
function hintsTo(group: string, members: readonly Member[]): MembershipRecord[] {
  return members.flatMap(({ user, hidden }) => (hidden ? [] : [{ _id: `${user} ${group}`, user, group }]))
}

async function someAtOnce<T, Result>(
  all: readonly T[],
  work: (some: readonly T[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const results: Result[] = []
  for (let i = 0; i < all.length; i += AT_ONCE) {
    results.push(...(await work(all.slice(i, i + AT_ONCE))))
    await giveWay()
  }
  return results
}

function isDone(group: GroupDocument | undefined, { id }: CommandRef): boolean {
  return group?.recent.some((one) => one.id === id) ?? false
}
