import { pairKey, PAIRS } from '../../../handlers/shared/contact-pairs.ts'
import { hashOf, MESSAGES, scopeOf } from '../../../handlers/shared/message-chain.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import { message, messageId, pair } from './documents.ts'
import type { Play } from '../catalogue.ts'
import { answerOf, by, MAX_SAMPLES, times, type Ask, type Pile } from './pile.ts'

// The messages of one user with another.

const HASH = hashOf({ body: 'another' })

/** Each command on a conversation of two with so many messages, of which `me` wrote every second. */
function doings(play: Play, me: UserId, other: UserId, size: number): Record<string, Ask> {
  const conversation = pairKey(me, other)
  const id = (seq: number): string => messageId(conversation, seq)
  const own = (i: number): string => id(2 * (i % Math.ceil(size / 2)) + 1)
  const last100 = times(Math.min(100, size / 2), (i) => id(2 * (Math.floor(size / 2) - i)))
  const middle = Math.max(1, Math.floor(size / 2))
  return {
    send_message: by(me, (i) => ({ to: other, body: `more ${i}` })),
    get_messages: by(me, () => ({ with: other })),
    'get_messages, before the middle': by(me, () => ({ with: other, before: middle })),
    'get_messages, after the first': by(me, () => ({ with: other, after: 1 })),
    'search_messages, a word of all': by(me, () => ({ q: 'snow' })),
    'search_messages, a rare word': by(me, () => ({ q: `word${middle}` })),
    'search_messages, two words of half each': by(me, () => ({ q: 'odd even' })),
    ack_message: by(me, (i) => ({ message_ids: last100.slice(i % 2) })),
    mark_read: by(me, (i) => ({ with: other, up_to: Math.min(size, middle + i) })),
    set_receipts: by(me, (i) => ({ read: i % 2 === 0 })),
    typing: by(me, () => ({ to: other })),
    edit_message: by(me, (i) => ({ message_id: own(i), body: `other words ${i}` })),
    async delete_message(i) {
      if (2 * i + 1 <= size) return { user: me, input: { message_id: own(i) } }
      const end = await play(me, 'send_message', { to: other, body: 'to be deleted' }) // none of the pile is left
      return { user: me, input: { message_id: answerOf(end)['message_id'] } }
    },
  }
}

export const MESSAGE_PILES: readonly Pile[] = [
  {
    what: 'messages of one conversation',
    async fill({ me, other, size, insert, play }) {
      const you = other(0)
      await insert(PAIRS, [pair(me, 'contact', you)])
      await insert(
        MESSAGES,
        times(size, (i) => (i % 2 ? message(you, { to: me }, i + 1) : message(me, { to: you }, i + 1))),
      )
      return doings(play, me, you, size)
    },
  },
  {
    what: 'conversations of one message',
    async fill({ me, other, size, insert }) {
      await insert(PAIRS, [pair(me, 'contact', other(0))])
      await insert(
        MESSAGES,
        times(size, (i) => message(other(i), { to: me }, 1)),
      )
      return {
        'search_messages, a word of all': by(me, () => ({ q: 'snow' })),
        'search_messages, none': by(me, () => ({ q: 'nothing' })),
        get_messages: by(me, () => ({ with: other(0) })),
        send_message: by(me, (i) => ({ to: other(0), body: `more ${i}` })),
        ack_message: by(me, (i) => ({ message_ids: [messageId(pairKey(me, other(i % size)), 1)] })),
        mark_read: by(me, (i) => ({ with: other(i % size), up_to: 1 })),
      }
    },
  },
  {
    what: 'messages hidden from a user who blocks their author',
    async fill({ me, other, size, insert, play }) {
      const author = other(0)
      const heard = 2 * MAX_SAMPLES
      await insert(PAIRS, [pair(me, 'contact', author)])
      await insert(
        MESSAGES,
        times(heard, (i) => message(author, { to: me }, i + 1)),
      )
      await play(me, 'block_user', { user_id: author })
      await play(author, 'send_message', { to: me, body: 'the first of them' })
      // The rest as it stands behind the first: what each of both has seen before.
      const views = ([me, author] as const).toSorted().map(() => ({ prev: HASH, last: HASH }))
      const sent = times(size, (i) => ({
        ...message(author, { to: me }, heard + 2 + i),
        unheard: true,
        unheard_by: me,
        scopes: [scopeOf({ user: author })],
        views,
      }))
      await insert(MESSAGES, sent)
      await play(author, 'send_message', { to: me, body: 'the last of them' })
      const at = { with: author }
      return {
        get_messages: by(me, () => at),
        'get_messages, after what was heard': by(me, () => ({ ...at, after: heard })),
        'get_messages, of their author': by(author, () => ({ with: me })),
        mark_read: by(me, (i) => ({ ...at, up_to: i + 1 })),
        search_messages: by(me, () => ({ q: 'snow' })),
        delete_message: by(author, (i) => ({
          message_id: messageId(pairKey(me, author), heard - i),
        })),
        send_message: by(author, (i) => ({ to: me, body: `more ${i}` })),
      }
    },
  },
  {
    what: 'edits and receipts of one conversation',
    most: 1_000,
    async fill({ me, other, size, insert, play }) {
      const you = other(0)
      await insert(PAIRS, [pair(me, 'contact', you)])
      await insert(
        MESSAGES,
        times(50, (i) => (i % 2 ? message(you, { to: me }, i + 1) : message(me, { to: you }, i + 1))),
      )
      const own = { message_id: messageId(pairKey(me, you), 1) }
      for (let i = 0; i < size; i++) await play(me, 'edit_message', { ...own, body: `the ${i}th` })
      for (let i = 0; i < size; i++) await play(me, 'mark_read', { with: you, up_to: 1 + (i % 40) })
      return doings(play, me, you, 50)
    },
  },
]
