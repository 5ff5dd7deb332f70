import { createHash } from 'node:crypto'
import type { z } from 'zod'
import { people, pairKey } from '../../shared/people/pairs.ts'
import type { Context, HandlerSettings } from '../../shared/runtime/command.ts'
import type { Document, Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { attachment } from './message-events.ts'

type Cause = Readonly<Pick<Context['command'], 'id' | 'order' | 'at'>>
export interface Content {
  readonly body?: string | undefined
  readonly ciphertext?: string | undefined
}
export interface Draft extends Content {
  readonly attachments?: readonly z.output<typeof attachment>[] | undefined
  readonly hash?: string | undefined
  readonly prev_hash?: string | undefined
}

/** Two users' messages: where the next one goes. */
interface ConversationDocument extends Document {
  readonly seq: number
  readonly last_hash?: string | undefined
  /** The last commands that have a place here: to give it to them again after a crash. */
  readonly recent: readonly { readonly id: string; readonly seq: number; readonly prev_hash?: string | undefined }[]
}

interface MessageDocument extends Document, Content {
  readonly conversation: string
  readonly seq: number
  readonly from: UserId
  readonly to: UserId
  readonly attachments?: Draft['attachments']
  readonly hash: string
  readonly prev_hash?: string | undefined
  readonly sent_at: string
  /** The other blocks its sender: nobody else ever sees it. */
  readonly unheard?: boolean
  /** The command by which the other acknowledged it first. */
  readonly delivered?: string
  /** Its last edit, or its end: by which command, and when. */
  readonly changed?: { readonly id: string; readonly order: number; readonly at: string; readonly deleted: boolean }
}

interface ReadDocument extends Document {
  readonly up_to: number
  readonly command: string
}

/** Commands of two people that may have begun when a process dies, and room. */
const REMEMBERED = 32

export type MessageBook = ReturnType<typeof messageBook>

/** Who wrote what to whom, in which order, and how far the other has it. */
export function messageBook(store: Store, settings: HandlerSettings) {
  const conversations = store.collection<ConversationDocument>({ name: 'conversations' })
  const messages = store.collection<MessageDocument>({
    name: 'messages',
    indexes: { by_seq: { fields: ['conversation', 'seq'], unique: true } },
  })
  const reads = store.collection<ReadDocument>({ name: 'message_reads' })
  const around = people(store, settings)

  /** The next place in a conversation: the same one when the command comes again. */
  async function placeFor(conversation: string, cause: Cause, hash: string, expected: string | undefined) {
    const after = await conversations.change(conversation, (now) => {
      if (now?.recent.some(({ id }) => id === cause.id)) return now
      const prev_hash = now?.last_hash
      if (expected !== undefined && expected !== prev_hash) {
        throw refuse('conflict', { prev_hash: 'is not the hash of the last message' })
      }
      const seq = (now?.seq ?? 0) + 1
      const recent = [...(now?.recent ?? []), { id: cause.id, seq, prev_hash }].slice(-REMEMBERED)
      return { _id: conversation, seq, last_hash: hash, recent }
    })
    return after!.recent.find(({ id }) => id === cause.id)!
  }

  /** The message, for one of the two who may see it. A foreign one and none are the same. */
  async function seenBy(user: UserId, id: string): Promise<MessageDocument> {
    const found = await messages.get(id)
    if (!found || !isFor(user, found)) throw refuse('not_found')
    return found
  }

  /** Changes what its author may change: once for each command, and in their order. */
  async function changeOwn(user: UserId, id: string, cause: Cause, next: (now: MessageDocument) => MessageDocument) {
    const found = await seenBy(user, id)
    if (found.from !== user) throw refuse('not_found')
    const changed = { id: cause.id, order: cause.order, at: cause.at.toISOString() }
    const after = await messages.change(id, (now) => {
      if (!now || now.changed?.id === cause.id || (now.changed?.order ?? 0) > cause.order) return now
      if (now.changed?.deleted) throw refuse('not_found')
      const then = next(now)
      return { ...then, changed: { ...changed, deleted: then.changed?.deleted ?? false } }
    })
    return { message: after!, at: changed.at }
  }

  return {
    /** May he write to him at all? @throws {Refusal} `forbidden` */
    async approach(user: UserId, other: UserId): Promise<{ isBlocked: boolean }> {
      const { isNear, blocks, isBlocked } = await around.toward(user, other)
      if (!isNear || blocks)
        throw refuse('forbidden', { to: blocks ? 'is blocked by you' : 'is none of your contacts' })
      return { isBlocked }
    },

    /** May `other` hear of what `user` does? Whoever blocks him hears nothing. */
    async mayTell(user: UserId, other: UserId): Promise<boolean> {
      return !(await around.toward(user, other)).isBlocked
    },

    /** Stores a message. @throws {Refusal} `hash_mismatch`, `conflict` when the sender has not seen the last message */
    async send(from: UserId, to: UserId, draft: Draft, cause: Cause, unheard: boolean): Promise<MessageDocument> {
      const hash = hashOf(draft)
      if (draft.hash !== undefined && draft.hash !== hash)
        throw refuse('hash_mismatch', { hash: 'is not that of the content' })
      const conversation = pairKey(from, to)
      const { seq, prev_hash } = await placeFor(conversation, cause, hash, draft.prev_hash)
      const { body, ciphertext, attachments } = draft
      const message: MessageDocument = {
        _id: idOf(cause.id),
        conversation,
        seq,
        from,
        to,
        body,
        ciphertext,
        attachments,
        hash,
        prev_hash,
        sent_at: cause.at.toISOString(),
        ...(unheard && { unheard }),
      }
      return (await messages.insert(message)) ? message : (await messages.get(message._id))!
    },

    /** A page of a conversation, in the order of `seq`: the last ones, those before one, or those after one. */
    async page(
      user: UserId,
      other: UserId,
      at: { before?: number | undefined; after?: number | undefined; limit: number },
    ) {
      const { before, after, limit } = at
      const reverse = after === undefined
      const found: MessageDocument[] = []
      let place = before ?? after
      for (let isMore = true; isMore && found.length <= limit;) {
        const page = await messages.find({
          by: 'by_seq',
          where: { conversation: pairKey(user, other) },
          ...(place !== undefined && { after: { _id: reverse ? '' : '\u{10ffff}', seq: place } }),
          limit: limit + 1,
          reverse,
        })
        found.push(...page.filter((one) => isFor(user, one)))
        isMore = page.length > limit
        place = page.at(-1)?.seq
      }
      const shown = found.slice(0, limit)
      return { messages: reverse ? shown.toReversed() : shown, more: found.length > limit }
    },

    /** Notes that `user` has them; resolves with those that are his, and with those of whom each sender hears now. */
    async acknowledge(user: UserId, ids: readonly string[], cause: Cause) {
      const mine: string[] = []
      const news = new Map<UserId, string[]>()
      for (const id of new Set(ids)) {
        const found = await messages.get(id)
        if (found?.to !== user || !isFor(user, found)) continue
        mine.push(id)
        const after = await messages.change(id, (now) =>
          now && !now.delivered ? { ...now, delivered: cause.id } : now,
        )
        const isNews = after?.delivered === cause.id && !(await around.toward(user, found.from)).isBlocked
        if (isNews) news.set(found.from, [...(news.get(found.from) ?? []), id])
      }
      if (mine.length === 0) throw refuse('not_found')
      return { mine, news }
    },

    /** Notes how far `user` has read; true when that is news: the same when the command comes again. */
    async read(user: UserId, other: UserId, upTo: number, cause: Cause): Promise<boolean> {
      const last = (await conversations.get(pairKey(user, other)))?.seq ?? 0
      if (upTo > last) throw refuse('not_found', { up_to: 'is no message' })
      const after = await reads.change(`${user} ${other}`, (now) =>
        now && now.up_to >= upTo ? now : { _id: `${user} ${other}`, up_to: upTo, command: cause.id },
      )
      return after!.command === cause.id
    },

    edit(user: UserId, id: string, content: Content, cause: Cause) {
      return changeOwn(user, id, cause, (now) => ({ ...now, body: content.body, ciphertext: content.ciphertext }))
    },
    remove(user: UserId, id: string, cause: Cause) {
      return changeOwn(
        user,
        id,
        cause,
        ({ body: _body, ciphertext: _ciphertext, attachments: _attachments, ...now }) => ({
          ...now,
          changed: { id: cause.id, order: cause.order, at: cause.at.toISOString(), deleted: true },
        }),
      )
    },
  }
}

/** What a message looks like to those who may see it. */
export function shown({
  _id,
  seq,
  from,
  to,
  body,
  ciphertext,
  attachments,
  hash,
  prev_hash,
  sent_at,
  changed,
}: MessageDocument) {
  return {
    message_id: _id,
    seq,
    from,
    to,
    body,
    ciphertext,
    attachments: attachments && [...attachments],
    hash,
    prev_hash,
    sent_at,
    ...(changed && { [changed.deleted ? 'deleted_at' : 'edited_at']: changed.at }),
  }
}

export function otherOf(user: UserId, { from, to }: Pick<MessageDocument, 'from' | 'to'>): UserId {
  return from === user ? to : from
}

export function hashOf({ body, ciphertext }: Content): string {
  return createHash('sha256')
    .update(body ?? ciphertext ?? '')
    .digest('hex')
}

/** A message's id, out of its command's: 128 bits of a digest, the same at every attempt. */
function idOf(command: string): string {
  return createHash('sha256').update(command).digest().subarray(0, 16).toString('base64url')
}

function isFor(user: UserId, { from, to, unheard }: MessageDocument): boolean {
  return from === user || (to === user && !unheard)
}
