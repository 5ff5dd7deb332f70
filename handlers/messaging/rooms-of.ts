import { userGroups, hearersOf } from '../shared/user-groups.ts'
import type { MessageRecord } from '../shared/message-chain.ts'
import { pairKey, relationBook } from '../shared/contact-pairs.ts'
import { giveWay } from '../shared/give-way.ts'
import type { HandlerSettings } from '../../shared/runtime/command.ts'
import type { Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

/** What a conversation is called by one who is in it: the other user, or the group. */
export type Target = { readonly user: UserId } | { readonly group: string }

/** A conversation as one of its users has it. */
export interface Room {
  readonly conversation: string
  readonly target: Target
  /** He sees what has come behind this place. */
  readonly since: number
  /** Who else hears what he does here. Whoever blocks him does not. */
  readonly others: readonly UserId[]
  /** Why he may not write. */
  readonly closed?: Readonly<Record<string, string>>
}

/** What a command names a conversation by. @throws {Refusal} `bad_payload` unless it is one of both */
export function targetIn(user: UserId | undefined, group: string | undefined, field: string): Target {
  if (user !== undefined && group === undefined) return { user }
  if (group !== undefined && user === undefined) return { group }
  throw refuse('bad_payload', { [field]: `either ${field} or group_id, and not both` })
}

/** Others in a group who see that one of them is writing: in a larger one nobody does. */
const MOST_SEE_TYPING = 100

/** Who may write and read where. */
export function roomsOf(store: Store, settings: HandlerSettings) {
  const relations = relationBook(store, settings)
  const groups = userGroups(store)

  async function withUser(user: UserId, other: UserId): Promise<Room> {
    const { hasAccess, blocks, isBlocked } = await relations.toward(user, other)
    const room = {
      conversation: pairKey(user, other),
      target: { user: other },
      since: 0,
      others: isBlocked ? [] : [other],
    }
    if (hasAccess && !blocks) return room
    return { ...room, closed: { to: blocks ? 'is blocked by you' : 'is none of your contacts' } }
  }

  /** With `seq`: as far as it is about the message in that place. */
  async function ofGroup(user: UserId, id: string, seq?: number): Promise<Room | undefined> {
    const found = await groups.joined(id, user)
    if (!found) return undefined
    const others = hearersOf(found.group, seq).filter((one) => one !== user)
    return { conversation: id, target: { group: id }, since: found.me.since, others }
  }

  /** The conversation that he names. @throws {Refusal} `forbidden` for a group of others, and for none */
  async function open(user: UserId, target: Target): Promise<Room> {
    const room = 'user' in target ? await withUser(user, target.user) : await ofGroup(user, target.group)
    if (!room) throw refuse('forbidden', { group_id: 'is no group of yours' })
    return room
  }

  /** The same, to say something there. @throws {Refusal} `forbidden` */
  async function enter(user: UserId, target: Target): Promise<Room> {
    const room = await open(user, target)
    if (room.closed) throw refuse('forbidden', room.closed)
    return room
  }

  /** Does `other` hear what `user` says of his messages? Not if either blocks the other. */
  async function hears(other: UserId, user: UserId): Promise<boolean> {
    const { blocks, isBlocked } = await relations.toward(user, other)
    return !blocks && !isBlocked
  }

  return {
    open,
    enter,
    hears,
    /** Who sees that the user is writing there. @throws {Refusal} `forbidden` */
    async seeTyping(user: UserId, target: Target): Promise<UserId[]> {
      const { others } = await enter(user, target)
      if (others.length > MOST_SEE_TYPING) return []
      const hearing = await Promise.all(others.map((other) => hears(other, user)))
      return others.filter((_, i) => hearing[i])
    },
    /** Groups that they may be in; a thousand at most. */
    groups: (user: UserId) => groups.hinted(user, 999),
    /**
     * Tells, for one command, which messages the user may see. It reads each group once, however many messages are in it, and
     * between two groups others have their turn: one may have a thousand members.
     */
    seenBy(user: UserId): (message: MessageRecord) => Promise<boolean> {
      const since = new Map<string, number>()
      return async (message) => {
        const { group, seq } = message
        if (group === undefined) return maySee(user, message)
        if (!since.has(group)) {
          if (since.size > 0) await giveWay()
          since.set(group, (await groups.joined(group, user))?.me.since ?? Infinity)
        }
        return since.get(group)! < seq
      }
    },
    /** Where a message is, for one who may see it; undefined for everybody else. */
    async around(user: UserId, message: MessageRecord): Promise<Room | undefined> {
      const { from, to, group, seq } = message
      if (group === undefined) return maySee(user, message) ? withUser(user, from === user ? to! : from) : undefined
      const room = await ofGroup(user, group, seq)
      return room && room.since < seq ? room : undefined
    },
  }
}

/** Of two users' messages: one that its sender's blocker never hears is the sender's alone. */
export function maySee(user: UserId, { from, to, group, unheard }: MessageRecord): boolean {
  return group !== undefined || from === user || (to === user && !unheard)
}
