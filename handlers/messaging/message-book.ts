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

/** Which part of a conversation: the last messages, or those before or behind one. */
interface PageAt {
  readonly before?: number | undefined
  readonly after?: number | undefined
  readonly limit: number
}

/** A message, and who hears of it besides its sender. */
interface Sent {
  readonly sent: MessageRecord
  readonly others: readonly UserId[]
}

/** Messages looked at for one page of a search, and at a time: some may be from before its asker came. */
const [MOST_LOOKED_AT, AT_ONCE] = [1_000, 50]

export type MessageBook = ReturnType<typeof messageBook>

/** Who wrote what, where, and in which order. */
export function messageBook(store: Store, settings: HandlerSettings) {
  const { messages, append, sentBy } = conversations(store)
  const read = readingIn(messages)
  const relink = relinking(messages)
  const rooms = roomsOf(store, settings)

  /**
   * Changes what its author may change: once for each command, and in their order. A foreign message and none are the same.
   * @param mayAlways also where he may write nothing new
   */
  async function changeOwn(
    user: UserId,
    id: string,
    command: CommandRef,
    mayAlways: boolean,
    next: (now: MessageRecord) => MessageRecord,
  ) {
    const found = await messages.get(id)
    const room = found?.from === user && !found.system ? await rooms.around(user, found) : undefined
    if (!room) throw refuse('not_found')
    if (!mayAlways && room.closed && found?.changed?.id !== command.id) {
      throw refuse('forbidden', { message_id: 'is to none to whom you may write' })
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

  /** As many of these as go into one answer; the first one always does. */
  function fitting(user: UserId, found: readonly MessageRecord[]): MessageRecord[] {
    let bytes = 0
    const end = found.findIndex((one, i) => (bytes += sizeFor(user, one)) > settings.answerBytes && i > 0)
    return end < 0 ? [...found] : found.slice(0, end)
  }

  return {
    seeTyping: (user: UserId, target: Target) => rooms.seeTyping(user, target),

    /** Stores a message. @throws {Refusal} `forbidden`, `hash_mismatch`, `conflict` when the sender has not seen the last one */
    async send(from: UserId, target: Target, letter: Letter, command: CommandRef): Promise<Sent> {
      const before = await sentBy(command)
      if (before) return { sent: before, others: (await rooms.around(from, before))?.others ?? [] }
      const { body, ciphertext, attachments } = letter
      const { others } = await rooms.enter(from, target)
      if (letter.hash !== undefined && letter.hash !== hashOf(letter)) {
        throw refuse('hash_mismatch', { hash: 'is not that of the content' })
      }
      const where = 'user' in target ? { to: target.user } : { group: target.group }
      const unheard = 'user' in target && others.length === 0
      const draft: Draft = { from, ...where, body, ciphertext, attachments, ...(unheard && { unheard }) }
      return { sent: await append(draft, command, letter.prev_hash), others }
    },

    /** A page of a conversation, in the order of `seq`; a shorter one when the messages are long. @throws {Refusal} `forbidden` */
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
     * Messages with all the words, where the user is, the last ones first. With a cursor there may be more, also when they are
     * fewer than `limit`.
     * @throws {Refusal} `bad_payload` for a cursor that is none
     */
    async search(user: UserId, words: string, cursor: string | undefined, limit: number) {
      const within = [scopeOf({ user }), ...(await rooms.groups(user)).map((group) => scopeOf({ group }))]
      const isTheirs = rooms.seenBy(user)
      const look = (after: string | undefined, most: number) =>
        messages.search({ words, within, after, limit: most }).catch((err: unknown) => {
          throw err instanceof TypeError ? refuse('bad_payload', { cursor: 'is none' }) : err
        })
      let found: MessageRecord[] = []
      let after = cursor
      for (let looked = 0, size = limit; looked < MOST_LOOKED_AT; looked += size, size = AT_ONCE) {
        if (looked > 0) await giveWay()
        const page = await look(after, size)
        const all = [...found]
        for (const one of page.docs) if (await isTheirs(one)) all.push(one)
        found = fitting(user, all.slice(0, limit))
        const next = all[found.length] // does not go in any more: the next page begins with it
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

/** What a message looks like to `user`, who may see it. */
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

/** How a conversation is named to those in it. For two, by the other one. */
export function nameFor(user: UserId, { from, to, group }: MessageRecord): { with: UserId } | { group_id: string } {
  return group === undefined ? { with: from === user ? to! : from } : { group_id: group }
}
