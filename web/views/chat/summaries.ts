import { isOnline } from '../../state/board.ts'
import type { Message } from '../../state/chats.ts'
import { targetOf, type ChatKey } from '../../state/chats.ts'
import { groups } from '../../state/groups.ts'
import { lastSeen, nameForMe, nameOf, presence } from '../../state/people.ts'
import { briefly } from '../times.ts'

const STATUS = { available: 'Online', away: 'Away', busy: 'Busy' } as const

export function titleOf(key: ChatKey): string {
  const { kind, id } = targetOf(key)
  return kind === 'group' ? (groups.value.get(id)?.title ?? 'A group') : nameOf(id)
}

/** Whether somebody is there, in words. */
export function presenceOf(user: string): string {
  if (!isOnline.value) return 'You are offline'
  const now = presence.value.get(user)
  if (now) return now.text ? `${STATUS[now.status]} · ${now.text}` : STATUS[now.status]
  const seen = lastSeen.value.get(user)
  return seen === undefined ? 'Offline' : `Last seen ${briefly(seen)}`
}

/** What happened to a group, in words. */
export function changeInWords({ from, system }: Message): string {
  const [who, whom] = [nameForMe(from), system?.user_id === undefined ? 'somebody' : nameForMe(system.user_id)]
  switch (system?.change) {
    case 'created':
      return `${who} created the group`
    case 'retitled':
      return `${who} called the group “${system.title ?? ''}”`
    case 'member_added':
      return `${who} added ${whom}`
    case 'member_removed':
      return `${who} removed ${whom}`
    case 'member_left':
      return `${who} left`
    case 'role_changed':
      return `${who} made ${whom} ${system.role === 'member' ? 'a member' : `an ${system.role}`}`
    case undefined:
      return ''
  }
}

/** A message in one line. */
export function inOneLine(message: Message): string {
  if (message.system) return changeInWords(message)
  if (message.deleted_at !== undefined) return 'Message deleted'
  if (message.body !== undefined) return message.body
  if (message.attachments) return message.attachments[0]?.name ?? 'A file'
  return 'Encrypted message'
}
