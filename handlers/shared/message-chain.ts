import { createHash } from 'node:crypto'
import type { CommandRef } from '../../shared/runtime/command.ts'
import type { CollectionSpec, Document, Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { Role } from './user-groups.ts'
import { pairKey } from './contact-pairs.ts'

/** Something that belongs to a message and is kept elsewhere. */
export interface Attachment {
  readonly file_id: string
  readonly type: string
  readonly size: number
  readonly name?: string | undefined
  readonly width?: number | undefined
  readonly height?: number | undefined
}

/** What happened to a group. `subject` is whom it is about, `owner` who owns it since. */
export interface GroupChange {
  readonly change: 'created' | 'retitled' | 'member_added' | 'member_removed' | 'member_left' | 'role_changed'
  readonly title?: string | undefined
  readonly user_id?: UserId | undefined
  readonly role?: Role | undefined
  readonly owner?: UserId | undefined
}

export interface Content {
  readonly body?: string | undefined
  readonly ciphertext?: string | undefined
  readonly system?: GroupChange | undefined
}

/** One user's side of the chain: the hashes of the last message that he sees, before this one and with it. */
export interface View {
  readonly prev?: string | undefined
  readonly last?: string | undefined
}

/** A message in its conversation: that of two users, or that of a group. */
export interface MessageRecord extends Document, Content {
  readonly conversation: string
  /** Its place; grows, and may skip. */
  readonly seq: number
  readonly from: UserId
  readonly to?: UserId | undefined
  readonly group?: string | undefined
  /** Whose it is, and of which group: where it can be found by its words. */
  readonly scopes: readonly string[]
  readonly attachments?: readonly Attachment[] | undefined
  readonly hash: string
  readonly prev_hash?: string | undefined
  /** Of two users, the one whose id sorts first and the other, when they have not seen the same before it, or after. */
  readonly views?: readonly [View, View]
  /** The hash that it had, as long as those behind it still bear it. */
  readonly was?: string | undefined
  readonly sent_at: string
  /** The other blocks its sender: nobody else ever sees it. */
  readonly unheard?: boolean
  /** Who that is: the other reads a conversation without what is kept apart so, however much it is. */
  readonly unheard_by?: UserId
  /** What the other one reads, who blocked its author when he edited it. */
  readonly heard?: {
    readonly body?: string | undefined
    readonly ciphertext?: string | undefined
    readonly edited_at?: string | undefined
  }
  /** Its last edit, or its end: by which command, and when. */
  readonly changed?: { readonly id: string; readonly order: number; readonly at: string; readonly deleted: boolean }
}

export const MESSAGES: CollectionSpec = {
  name: 'messages',
  indexes: {
    by_seq: { fields: ['conversation', 'seq'], unique: true },
    by_unheard: { fields: ['conversation', 'unheard_by', 'seq'] },
  },
  text: { field: 'body', within: 'scopes', time: 'sent_at' },
}

/** Where a message can be found: by a user in his own conversations, and in a group. */
export function scopeOf(place: { readonly user: UserId } | { readonly group: string }): string {
  return 'user' in place ? `user ${place.user}` : `group ${place.group}`
}

/** What is to be said: to one user, who may block its sender, or to a group. */
export type Draft = Content &
  Pick<MessageRecord, 'from' | 'attachments' | 'unheard'> &
  ({ readonly to: UserId; readonly group?: never } | { readonly group: string; readonly to?: never })

/** What is said, in the order in which it was said. */
export function conversations(store: Store) {
  const messages = store.collection<MessageRecord>(MESSAGES)

  async function last(conversation: string): Promise<MessageRecord | undefined> {
    const found = await messages.find({ by: 'by_seq', where: { conversation }, limit: 1, reverse: true })
    return found[0]
  }

  /**
   * Gives a message the next place in its conversation, once for each command: its id comes out of the command's, and no two
   * have one place.
   * @param expected the hash of the last message its sender has seen, unless `sentBy` finds that it was sent before
   * @throws {Refusal} `conflict` when that is not the last that he may see
   */
  async function append(draft: Draft, command: CommandRef, expected?: string): Promise<MessageRecord> {
    const conversation = draft.to === undefined ? draft.group : pairKey(draft.from, draft.to)
    const [_id, hash] = [idFrom(command.id), hashOf(draft)]
    for (;;) {
      const tip = await last(conversation)
      const chain = draft.to === undefined ? { prev_hash: tip?.hash } : chainOfTwo(tip, { ...draft, hash })
      if (expected !== undefined && expected !== chain.prev_hash) {
        throw refuse('conflict', { prev_hash: 'is not the hash of the last message' })
      }
      const place = { _id, conversation, seq: (tip?.seq ?? 0) + 1, sent_at: command.at.toISOString() }
      const apart = draft.unheard && draft.to !== undefined && { unheard_by: draft.to }
      const message: MessageRecord = { ...place, ...draft, ...apart, scopes: scopesOf(draft), hash, ...chain }
      if (await messages.insert(message)) return message
      const before = await messages.get(_id)
      if (before) return before
    }
  }

  /** The message of a command that comes again. */
  const sentBy = (command: CommandRef): Promise<MessageRecord | undefined> => messages.get(idFrom(command.id))

  /** The place of the last message; 0 when there is none. */
  const lastSeq = async (conversation: string): Promise<number> => (await last(conversation))?.seq ?? 0

  return { messages, append, sentBy, lastSeq }
}

function scopesOf({ from, to, group, unheard }: Draft): string[] {
  if (to === undefined) return [scopeOf({ group })]
  return [from, ...(unheard ? [] : [to])].map((user) => scopeOf({ user }))
}

function chainOfTwo(
  last: MessageRecord | undefined,
  { from, to, hash, unheard }: Pick<MessageRecord, 'from' | 'hash' | 'unheard'> & { to: UserId },
): Pick<MessageRecord, 'prev_hash' | 'views'> {
  const [low, high] = last?.views?.map((view) => view.last) ?? [last?.hash, last?.hash]
  const isLow = from < to
  const prev_hash = isLow ? low : high
  if (!unheard && low === high) return { prev_hash }
  const view = (prev: string | undefined, sees: boolean): View => ({ prev, last: sees ? hash : prev })
  return { prev_hash, views: [view(low, isLow || !unheard), view(high, !isLow || !unheard)] }
}

/** The hash of the message before it, for one of those who see it. */
export function prevHashFor(user: UserId, { from, to, prev_hash, views }: MessageRecord): string | undefined {
  if (!views || to === undefined) return prev_hash
  return views[user === (from < to ? from : to) ? 0 : 1].prev
}

/** SHA-256, in hex, of the text; of a change of a group, its name, a space, and what it is about. */
export function hashOf({ body, ciphertext, system }: Content): string {
  const about = system && `${system.change} ${system.title ?? system.user_id ?? ''}`
  return createHash('sha256')
    .update(body ?? ciphertext ?? about ?? '')
    .digest('hex')
}

/** An id out of a command's: 128 bits of a digest, the same at every attempt. */
export function idFrom(command: string): string {
  return createHash('sha256').update(command).digest().subarray(0, 16).toString('base64url')
}
