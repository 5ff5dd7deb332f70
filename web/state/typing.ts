import { signal } from '@preact/signals'
import type { CallingBoard } from '../../client/index.ts'
import { board, isOnline } from './board.ts'
import { keyOfGroup, keyOfUser, targetOf, type ChatKey } from './chats.ts'

/** Milliseconds between two signs that this user types, and for which such a sign of another one is shown. */
const [EVERY, SHOWN] = [3_000, 5_000]

const typing = signal<ReadonlyMap<ChatKey, ReadonlyMap<string, number>>>(new Map())
let lastTold = 0

/** Who types in a conversation now. */
export function typingIn(key: ChatKey): string[] {
  return [...(typing.value.get(key)?.keys() ?? [])]
}

export function tellTyping(key: ChatKey): void {
  if (!isOnline.value || Date.now() - lastTold < EVERY) return
  lastTold = Date.now()
  const { kind, id } = targetOf(key)
  void board().call('typing', kind === 'group' ? { group_id: id } : { to: id })
}

export function watchTyping(one: CallingBoard): void {
  one.on('user_typing', ({ user_id, group_id }) => {
    const key = group_id === undefined ? keyOfUser(user_id) : keyOfGroup(group_id)
    const until = Date.now() + SHOWN
    set(key, user_id, until)
    setTimeout(() => {
      if (typing.value.get(key)?.get(user_id) === until) set(key, user_id, undefined)
    }, SHOWN)
  })
  one.on('message_received', ({ from, group_id }) =>
    set(group_id === undefined ? keyOfUser(from) : keyOfGroup(group_id), from, undefined),
  )
}

function set(key: ChatKey, user: string, until: number | undefined): void {
  const who = new Map(typing.value.get(key))
  if (until === undefined) who.delete(user)
  else who.set(user, until)
  typing.value = new Map(typing.value).set(key, who)
}
