import { computed, signal } from '@preact/signals'
import type { CallingBoard, Event, Messages } from '../../client/index.ts'
import { board, isMe } from './board.ts'
import { groups } from './groups.ts'
import { mark, marksOf } from './marks.ts'
import { friends } from './people.ts'
import { read } from './reading.ts'

export type Message = Messages['messages'][number]
/** A conversation, loaded from its end backwards. */
export interface Chat {
  readonly messages: readonly Message[]
  readonly hasEarlier: boolean
  readonly isLoading: boolean
}
/** A conversation's name in the page: `user/bob`, `group/<id>`. */
export type ChatKey = string

const PAGE = 30
/** Conversations whose last messages are fetched at the start; the others' when they are opened. */
const MOST_AT_START = 100
const EMPTY: Chat = { messages: [], hasEarlier: true, isLoading: false }

export const chats = signal<ReadonlyMap<ChatKey, Chat>>(new Map())
/** Where messages were delivered of which the page does not know the place yet. */
const deliveredEarly = new Set<string>()

export const keyOfUser = (user: string): ChatKey => `user/${user}`
export const keyOfGroup = (group: string): ChatKey => `group/${group}`
export const targetOf = (key: ChatKey): { kind: 'user' | 'group'; id: string } => {
  const [kind, id] = [key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)]
  return { kind: kind === 'group' ? 'group' : 'user', id }
}
export const chatOf = (key: ChatKey): Chat => chats.value.get(key) ?? EMPTY

/** The conversations, the liveliest first. */
export const chatList = computed<ChatKey[]>(() => {
  const written = [...chats.value].filter(([, { messages }]) => messages.length > 0).map(([key]) => key)
  const all = new Set([...friends.value.map(keyOfUser), ...[...groups.value.keys()].map(keyOfGroup), ...written])
  const gone = [...all].filter((key) => targetOf(key).kind === 'group' && !groups.value.has(targetOf(key).id))
  for (const key of gone) all.delete(key)
  const lastOf = new Map([...all].map((key) => [key, chatOf(key).messages.at(-1)?.sent_at ?? '']))
  return [...all].toSorted((a, b) => (lastOf.get(b) ?? '').localeCompare(lastOf.get(a) ?? ''))
})

/** How many messages of a conversation were not read yet, as far as it is loaded. */
export function unreadIn(key: ChatKey): number {
  const { mine = 0 } = marksOf(key)
  return chatOf(key).messages.filter((one) => one.seq > mine && isNews(one)).length
}
export const unread = computed(() => chatList.value.reduce((sum, key) => sum + unreadIn(key), 0))

function isNews({ from, deleted_at, system }: Message): boolean {
  return !isMe(from) && deleted_at === undefined && system === undefined
}

function keyOf({
  from,
  to,
  with: other,
  group_id,
}: {
  from?: string
  to?: string
  with?: string
  group_id?: string
}): ChatKey {
  if (group_id !== undefined) return keyOfGroup(group_id)
  return keyOfUser(other ?? (from !== undefined && isMe(from) ? to : from) ?? '')
}

function change(key: ChatKey, next: Partial<Chat>): void {
  chats.value = new Map(chats.value).set(key, { ...chatOf(key), ...next })
}

/** Adds messages, or replaces them by what is newer. */
export function learn(key: ChatKey, news: readonly Message[]): void {
  const byId = new Map(chatOf(key).messages.map((one) => [one.message_id, one]))
  for (const one of news) byId.set(one.message_id, { ...byId.get(one.message_id), ...one })
  change(key, { messages: [...byId.values()].toSorted((a, b) => a.seq - b.seq) })
  const arrived = news.filter(({ message_id }) => deliveredEarly.delete(message_id))
  if (arrived.length > 0) mark(key, { delivered: Math.max(...arrived.map(({ seq }) => seq)) })
}

function edit(key: ChatKey, id: string, to: (old: Message) => Message): void {
  const { messages } = chatOf(key)
  if (messages.some((one) => one.message_id === id)) {
    change(key, { messages: messages.map((one) => (one.message_id === id ? to(one) : one)) })
  }
}

type Asked = { with: string } | { group_id: string }
const askedOf = (key: ChatKey): Asked => {
  const { kind, id } = targetOf(key)
  return kind === 'group' ? { group_id: id } : { with: id }
}

/** Fetches the end of a conversation anew. */
export async function loadEnd(key: ChatKey): Promise<void> {
  if (chatOf(key).isLoading) return
  change(key, { isLoading: true })
  try {
    const page = await read(() => board().call('get_messages', { ...askedOf(key), limit: PAGE }))
    // What came live while the page was fetched is at its end; what is before it may have a gap.
    const later = chatOf(key).messages.filter(({ seq }) => seq > (page.messages.at(-1)?.seq ?? 0))
    change(key, { messages: later, hasEarlier: page.more })
    learn(key, page.messages)
    if (marksOf(key).mine === undefined) {
      mark(key, { mine: page.messages.findLast(({ from }) => isMe(from))?.seq ?? 0 })
    }
    acknowledge(page.messages)
  } finally {
    change(key, { isLoading: false })
  }
}

/** Fetches what was said before. */
export async function loadEarlier(key: ChatKey): Promise<void> {
  const { messages, hasEarlier, isLoading } = chatOf(key)
  const [first] = messages
  if (!hasEarlier || isLoading || !first) return
  change(key, { isLoading: true })
  try {
    const page = await read(() => board().call('get_messages', { ...askedOf(key), before: first.seq, limit: PAGE }))
    learn(key, page.messages)
    change(key, { hasEarlier: page.more })
  } finally {
    change(key, { isLoading: false })
  }
}

export async function fetchChats(): Promise<void> {
  const keys = chatList.value.slice(0, MOST_AT_START)
  await Promise.allSettled(keys.map(loadEnd)) // a conversation that fails is fetched when it is opened
}

const arrived: string[] = []
const MOST_AT_ONCE = 100

/** Tells the senders that their messages have arrived. */
function acknowledge(messages: readonly Message[]): void {
  const fresh = messages.filter((one) => isNews(one) && one.seq > (marksOf(keyOf(one)).mine ?? 0))
  if (fresh.length === 0) return
  if (arrived.length === 0) {
    queueMicrotask(() => {
      for (let ids = arrived.splice(0, MOST_AT_ONCE); ids.length > 0; ids = arrived.splice(0, MOST_AT_ONCE)) {
        board()
          .call('ack_message', { message_ids: ids })
          .catch(() => {}) // receipts are a courtesy: the message has arrived all the same
      }
    })
  }
  arrived.push(...fresh.map(({ message_id }) => message_id))
}

/** Tells that all of a conversation was seen. */
export function markRead(key: ChatKey): void {
  const last = chatOf(key).messages.findLast(isNews)
  if (!last || last.seq <= (marksOf(key).mine ?? 0)) return
  mark(key, { mine: last.seq })
  board()
    .call('mark_read', { ...askedOf(key), up_to: last.seq })
    .catch(() => {}) // as above
}

export function watchChats(one: CallingBoard): void {
  one.on('message_received', (event) => {
    const { event: _event, at: _at, re: _re, event_seq: _seq, ...message } = event
    learn(keyOf(message), [message])
    acknowledge([message])
  })
  for (const event of ['message_updated', 'message_edited'] as const) {
    one.on(event, ({ message_id, edited_at, body, ciphertext, ...where }) =>
      edit(keyOf(where), message_id, ({ body: _body, ciphertext: _text, ...old }) => ({
        ...old,
        edited_at,
        ...(body !== undefined && { body }),
        ...(ciphertext !== undefined && { ciphertext }),
      })),
    )
  }
  for (const event of ['message_removed', 'message_deleted'] as const) {
    one.on(event, ({ message_id, deleted_at, ...where }) =>
      edit(keyOf(where), message_id, ({ body: _body, ciphertext: _text, attachments: _files, ...old }) => ({
        ...old,
        deleted_at,
      })),
    )
  }
  one.on('receipt_recorded', ({ up_to, ...where }) => {
    if (up_to !== undefined) mark(keyOf(where), { mine: up_to })
  })
  one.on('message_read', ({ by, group_id, up_to }) =>
    mark(group_id === undefined ? keyOfUser(by) : keyOfGroup(group_id), { read: { [by]: up_to } }),
  )
  one.on('message_delivered', ({ by, message_ids }) => delivered(by, message_ids))
  one.on('group_changed', learnChange)
  one.on('group_updated', learnChange)
}

function delivered(by: string, ids: readonly string[]): void {
  const places = new Map(chatOf(keyOfUser(by)).messages.map(({ message_id, seq }) => [message_id, seq]))
  const known = ids.flatMap((id) => places.get(id) ?? [])
  if (known.length > 0) mark(keyOfUser(by), { delivered: Math.max(...known) })
  for (const id of ids) if (!places.has(id)) deliveredEarly.add(id)
}

/** What happens to a group is a message of its conversation. */
function learnChange(event: Event<'group_changed'> | Event<'group_updated'>): void {
  const { group_id, message_id, seq, change: what, title, user_id, role, owner, at } = event
  if (message_id === undefined || seq === undefined) return
  const details = { ...(title !== undefined && { title }), ...(user_id !== undefined && { user_id }) }
  const system = { change: what, ...details, ...(role && { role }), ...(owner !== undefined && { owner }) }
  const from = 'by' in event ? event.by : board().user!
  learn(keyOfGroup(group_id), [{ message_id, seq, from, group_id, system, sent_at: at }])
}
