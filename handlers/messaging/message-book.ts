import {
  conversations,
  hashOf,
  prevHashFor,
  scopeOf,
  type Content,
  type Draft,
  type MessageRecord,
} from '../shared/message-chain.ts'
import { giveWay } from '../shared/give-way.ts'
import type { CommandRef, HandlerSettings } from '../../shared/runtime/command.ts'
import type { Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { readingIn } from './reading-in.ts'
import { relinking, withoutHash } from './removed-hash.ts'
import { maySee, roomsOf, type Target } from './rooms-of.ts'

interface Letter extends Content {
  readonly attachments?: Draft['attachments']
  readonly hash?: string | undefined
  readonly prev_hash?: string | undefined
}

/** Which part of a conversation: the latest messages, or those before or after a place. */
interface PageAt {
  readonly before?: number | undefined
  readonly after?: number | undefined
  readonly limit: number
}

/** A stored message, and who hears of it besides its sender. */
interface Sent {
  readonly sent: MessageRecord
  readonly others: readonly UserId[]
}

/** Messages read for one page of a search, and at a time: some may be from before the asker joined the group. */
const [MAX_READ, AT_ONCE] = [1_000, 50]

export type MessageBook = ReturnType<typeof messageBook>

/** Sends, reads, searches, edits and deletes messages. */
export function messageBook(store: Store, settings: HandlerSettings) {
  const { messages, append, sentBy } = conversations(store)
  const read = readingIn(messages)
  const relink = relinking(messages)
  const rooms = roomsOf(store, settings)

  /**
   * Changes a message of the user's own, once per command and in their order.
   * @param mayAlways also where the user may no longer write
   * @throws {Refusal} `not_found` for a missing message as for another user's, `forbidden` where the user may no longer write
   */
  async function changeOwn(
    user: UserId,
    id: string,
    command: CommandRef,
    mayAlways: boolean,
    next: (now: MessageRecord) => MessageRecord,
  ) {
    const found = await messages.get(id)
    const room = found?.from === user && !found.system ? await rooms.holding(user, found) : undefined
    if (!room) throw refuse('not_found')
    if (!mayAlways && room.closed && found?.changed?.id !== command.id) {
      throw refuse('forbidden', { message_id: 'is in a conversation to which you may not write' })
    }
    const changed = { id: command.id, order: command.order, at: command.at.toISOString() }
    const after = await messages.change(id, (now) => {
      if (!now || now.changed?.id === command.id || (now.changed?.order ?? 0) > command.order) return now
      if (now.changed?.deleted) throw refuse('not_found')
      const then = next(now)
      const isUnheard = !mayAlways && now.to !== undefined && !now.unheard && room.others.length === 0
      const { heard = { body: now.body, ciphertext: now.ciphertext, edited_at: now.changed?.at }, ...rest } = then
      const edited = { ...rest, changed: { ...changed, deleted: then.changed?.deleted ?? false } }
      return isUnheard ? { ...edited, heard } : edited
    })
    return { message: after!, at: changed.at, hearers: after!.unheard ? [] : room.others }
  }

  /** The first of these messages, as many as fit into one answer, and at least one. */
  function fitting(user: UserId, found: readonly MessageRecord[]): MessageRecord[] {
    let bytes = 0
    const end = found.findIndex((one, i) => (bytes += sizeFor(user, one)) > settings.answerBytes && i > 0)
    return end < 0 ? [...found] : found.slice(0, end)
  }

  return {
    seeTyping: (user: UserId, target: Target) => rooms.seeTyping(user, target),

    /** Stores a message. @throws {Refusal} `forbidden`, `hash_mismatch`, or `conflict` when the sender has not seen the last one */
    async send(from: UserId, target: Target, letter: Letter, command: CommandRef): Promise<Sent> {
      const before = await sentBy(command)
      if (before) return { sent: before, others: (await rooms.holding(from, before))?.others ?? [] }
      const { body, ciphertext, attachments } = letter
      const { others } = await rooms.enter(from, target)
      if (letter.hash !== undefined && letter.hash !== hashOf(letter)) {
        throw refuse('hash_mismatch', { hash: 'is not the hash of the content' })
      }
      const where = 'user' in target ? { to: target.user } : { group: target.group }
      const unheard = 'user' in target && others.length === 0
      const draft: Draft = { from, ...where, body, ciphertext, attachments, ...(unheard && { unheard }) }
      return { sent: await append(draft, command, letter.prev_hash), others }
    },

    /** A page of a conversation, in the order of `seq`, shorter when the messages are long. @throws {Refusal} `forbidden` */
    async page(user: UserId, target: Target, { before, after, limit }: PageAt) {
      const { conversation, since } = await rooms.open(user, target)
      const reading = { conversation, other: 'user' in target ? target.user : undefined }
      const reverse = after === undefined
      const found: MessageRecord[] = []
      let place = before ?? (after === undefined ? undefined : Math.max(after, since))
      for (let isMore = true; isMore && found.length <= limit;) {
        const page = await read(reading, { place, limit: limit + 1, reverse })
        found.push(...page.filter((one) => maySee(user, one) && one.seq > since))
        place = page.at(-1)?.seq
        isMore = page.length > limit && place! > since
        if (isMore) await giveWay()
      }
      const shown = fitting(user, found.slice(0, limit))
      return { messages: reverse ? shown.toReversed() : shown, more: found.length > shown.length }
    },

    /**
     * Finds messages that hold all the words, in the user's conversations, newest first. With a cursor in the result there may
     * be more, even when it has fewer than `limit` messages.
     * @throws {Refusal} `bad_payload` for an invalid cursor
     */
    async search(user: UserId, words: string, cursor: string | undefined, limit: number) {
      const within = [scopeOf({ user }), ...(await rooms.groups(user)).map((group) => scopeOf({ group }))]
      const isTheirs = rooms.seenBy(user)
      const look = (after: string | undefined, most: number) =>
        messages.search({ words, within, after, limit: most }).catch((err: unknown) => {
          throw err instanceof TypeError ? refuse('bad_payload', { cursor: 'is not a valid cursor' }) : err
        })
      let found: MessageRecord[] = []
      let after = cursor
      for (let looked = 0, size = limit; looked < MAX_READ; looked += size, size = AT_ONCE) {
        if (looked > 0) await giveWay()
        const page = await look(after, size)
        const all = [...found]
        for (const one of page.docs) if (await isTheirs(one)) all.push(one)
        found = fitting(user, all.slice(0, limit))
        const next = all[found.length] // the first that no longer fits: the next page begins with it
        if (next) {
          const behind = page.docs.indexOf(next)
          return { messages: found, cursor: behind > 0 ? (await look(after, behind)).cursor : after }
        }
        after = page.cursor
        if (after === undefined || found.length === limit) break
      }
      return { messages: found, cursor: after }
    },

    edit(user: UserId, id: string, content: Content, command: CommandRef) {
      return changeOwn(user, id, command, false, (now) => ({
        ...now,
        body: content.body,
        ciphertext: content.ciphertext,
      }))
    },
    async remove(user: UserId, id: string, command: CommandRef) {
      const changed = { id: command.id, order: command.order, at: command.at.toISOString(), deleted: true }
      const removed = await changeOwn(
        user,
        id,
        command,
        true,
        ({ body: _body, ciphertext: _ciphertext, attachments: _attachments, ...now }) => ({
          ...withoutHash(now),
          changed,
        }),
      )
      if (removed.message.was !== undefined) await relink(removed.message)
      return removed
    },
  }
}

function sizeFor(user: UserId, message: MessageRecord): number {
  return Buffer.byteLength(JSON.stringify(shown(user, message)))
}

/** A message as `user`, who may see it, gets it. */
export function shown(user: UserId, message: MessageRecord) {
  const { _id, seq, from, to, group, system, attachments, sent_at, changed, heard } = message
  const hash = changed?.deleted ? undefined : message.hash
  const { body, ciphertext } = heard && user !== from ? heard : message
  const edited_at = heard && user !== from ? heard.edited_at : changed?.at
  return {
    message_id: _id,
    seq,
    from,
    to,
    group_id: group,
    body,
    ciphertext,
    system,
    attachments: attachments && [...attachments],
    hash,
    prev_hash: prevHashFor(user, message),
    sent_at,
    ...(edited_at && { [changed!.deleted ? 'deleted_at' : 'edited_at']: edited_at }),
  }
}

/** How events name a conversation to `user`: a conversation of two by the other user. */
export function nameFor(user: UserId, { from, to, group }: MessageRecord): { with: UserId } | { group_id: string } {
  return group === undefined ? { with: from === user ? to! : from } : { group_id: group }
}
