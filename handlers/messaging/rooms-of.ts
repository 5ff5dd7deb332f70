import { hearersOf, notYourGroup, userGroups } from '../shared/user-groups.ts'
import type { MessageRecord } from '../shared/message-chain.ts'
import { pairKey, relationBook } from '../shared/contact-pairs.ts'
import { giveWay } from '../shared/give-way.ts'
import type { HandlerSettings } from '../../shared/runtime/command.ts'
import type { Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

/** How a participant names a conversation: by the other user, or by the group. */
export type Target = { readonly user: UserId } | { readonly group: string }

/** A conversation from one user's side. */
export interface Room {
  readonly conversation: string
  readonly target: Target
  /** The user sees messages after this place. */
  readonly since: number
  /** Who else hears what the user does here: not those who block them. */
  readonly others: readonly UserId[]
  /** Why the user may not write here, if so. */
  readonly closed?: Readonly<Record<string, string>>
}

/** The conversation that a command names. @throws {Refusal} `bad_payload` unless it names exactly one */
export function targetIn(user: UserId | undefined, group: string | undefined, field: string): Target {
  if (user !== undefined && group === undefined) return { user }
  if (group !== undefined && user === undefined) return { group }
  throw refuse('bad_payload', { [field]: `give either ${field} or group_id, not both` })
}

/** In groups with more other members than this, nobody sees who is typing. */
const MAX_SEE_TYPING = 100

/** Decides who may read and write where. */
export function roomsOf(store: Store, settings: HandlerSettings) {
  const relations = relationBook(store, settings)
  const groups = userGroups(store)

  async function withUser(user: UserId, other: UserId): Promise<Room> {
    const { closed, isBlocked } = await relations.toward(user, other)
    const room = {
      conversation: pairKey(user, other),
      target: { user: other },
      since: 0,
      others: isBlocked ? [] : [other],
    }
    return closed === undefined ? room : { ...room, closed: { to: closed } }
  }

  /** `seq`: only members who see the message in that place hear of it. */
  async function ofGroup(user: UserId, id: string, seq?: number): Promise<Room | undefined> {
    const found = await groups.joined(id, user)
    if (!found) return undefined
    const others = hearersOf(found.group, seq).filter((one) => one !== user)
    return { conversation: id, target: { group: id }, since: found.me.since, others }
  }

  /** Opens a conversation to read in it. @throws {Refusal} `forbidden` for a group that the user is not in, or that is missing */
  async function open(user: UserId, target: Target): Promise<Room> {
    const room = 'user' in target ? await withUser(user, target.user) : await ofGroup(user, target.group)
    if (!room) throw notYourGroup()
    return room
  }

  /** Opens a conversation to write in it. @throws {Refusal} `forbidden` */
  async function enter(user: UserId, target: Target): Promise<Room> {
    const room = await open(user, target)
    if (room.closed) throw refuse('forbidden', room.closed)
    return room
  }

  /** May `other` hear of receipts and typing by `user`? Not if either blocks the other. */
  async function hears(other: UserId, user: UserId): Promise<boolean> {
    const { blocks, isBlocked } = await relations.toward(user, other)
    return !blocks && !isBlocked
  }

  return {
    open,
    enter,
    hears,
    /** Who sees that the user is typing there. @throws {Refusal} `forbidden` */
    async seeTyping(user: UserId, target: Target): Promise<UserId[]> {
      const { others } = await enter(user, target)
      if (others.length > MAX_SEE_TYPING) return []
      const stand = await relations.towardMany(user, others)
      return others.filter((_, i) => !stand[i]!.blocks && !stand[i]!.isBlocked)
    },
    /** Ids of groups that the user may be in; fewer than 1,000. */
    groups: (user: UserId) => groups.hinted(user, 999),
    /**
     * Returns what tells, during one command, which messages the user may see. It reads each group once, however many messages
     * are from it, and gives way to other work between groups: a group may have a thousand members.
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
    /** The conversation of a message, for a user who may see the message; undefined for everyone else. */
    async holding(user: UserId, message: MessageRecord): Promise<Room | undefined> {
      const { from, to, group, seq } = message
      if (group === undefined) return maySee(user, message) ? withUser(user, from === user ? to! : from) : undefined
      const room = await ofGroup(user, group, seq)
      return room && room.since < seq ? room : undefined
    },
  }
}

/** Whether a user may see a message, as far as the message itself decides. One sent to a user who blocks the sender is the sender's alone. */
export function maySee(user: UserId, { from, to, group, unheard }: MessageRecord): boolean {
  return group !== undefined || from === user || (to === user && !unheard)
}
