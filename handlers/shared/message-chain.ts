import { createHash } from 'node:crypto'
import type { CommandRef } from '../../shared/runtime/command.ts'
import type { CollectionSpec, Document, Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { pairKey } from './contact-pairs.ts'
import type { GroupChange } from './group-events.ts'
import type { Attachment } from './message-fields.ts'

export interface Content {
  readonly body?: string | undefined
  readonly ciphertext?: string | undefined
  readonly system?: GroupChange | undefined
}

/** One user's view of the chain: the hash of the last message they see, before this message and including it. */
export interface View {
  readonly prev?: string | undefined
  readonly last?: string | undefined
}

/** A message in a conversation of two users, or of a group. */
export interface MessageRecord extends Document, Content {
  readonly conversation: string
  /** The place in the conversation: grows, and may skip numbers. */
  readonly seq: number
  readonly from: UserId
  readonly to?: UserId | undefined
  readonly group?: string | undefined
  /** In whose conversations, or in which group, a search finds it. */
  readonly scopes: readonly string[]
  readonly attachments?: readonly Attachment[] | undefined
  readonly hash: string
  readonly prev_hash?: string | undefined
  /** For two users whose views differ: the view of the one whose id sorts first, and the other's. */
  readonly views?: readonly [View, View]
  /** A deleted message's old hash, until no later message refers to it. */
  readonly was?: string | undefined
  readonly sent_at: string
  /** The receiver blocked the sender: only the sender ever sees it. */
  readonly unheard?: boolean
  /** That receiver, for the index: so they read the conversation without such messages, however many there are. */
  readonly unheard_by?: UserId
  /** What the receiver reads instead, who blocked the author when they edited it. */
  readonly heard?: {
    readonly body?: string | undefined
    readonly ciphertext?: string | undefined
    readonly edited_at?: string | undefined
  }
  /** The last edit or the deletion: the command that made it, and when. */
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

/** Where a search looks: in a user's own conversations, or in a group. */
export function scopeOf(place: { readonly user: UserId } | { readonly group: string }): string {
  return 'user' in place ? `user ${place.user}` : `group ${place.group}`
}

/** A message to be appended: to one user, who may block the sender, or to a group. */
export type Draft = Content &
  Pick<MessageRecord, 'from' | 'attachments' | 'unheard'> &
  ({ readonly to: UserId; readonly group?: never } | { readonly group: string; readonly to?: never })

/** Stores each conversation as a chain of messages, in the order in which they were sent. */
export function conversations(store: Store) {
  const messages = store.collection<MessageRecord>(MESSAGES)

  async function last(conversation: string): Promise<MessageRecord | undefined> {
    const found = await messages.find({ by: 'by_seq', where: { conversation }, limit: 1, reverse: true })
    return found[0]
  }

  /**
   * Appends a message to its conversation, once per command: its id is derived from the command's, and no two messages share a
   * place. Callers look up `sentBy` first, so that a redelivered command is not checked against `expected`.
   * @param expected the hash of the last message that the sender has seen
   * @throws {Refusal} `conflict` when that is not the last message the sender may see
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

  /** The message that this command has already stored. */
  const sentBy = (command: CommandRef): Promise<MessageRecord | undefined> => messages.get(idFrom(command.id))

  /** The place of the last message, or 0. */
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

/** The previous message's hash, as a user who sees this message has it. */
export function prevHashFor(user: UserId, { from, to, prev_hash, views }: MessageRecord): string | undefined {
  if (!views || to === undefined) return prev_hash
  return views[user === (from < to ? from : to) ? 0 : 1].prev
}

/** SHA-256, in hex, of the text; for a change of a group, of its name, a space, and the title or user id it is about. */
export function hashOf({ body, ciphertext, system }: Content): string {
  const about = system && `${system.change} ${system.title ?? system.user_id ?? ''}`
  return createHash('sha256')
    .update(body ?? ciphertext ?? about ?? '')
    .digest('hex')
}

/** Derives an id from a command's: 128 bits of its digest, the same at every attempt. */
export function idFrom(command: string): string {
  return createHash('sha256').update(command).digest().subarray(0, 16).toString('base64url')
}
