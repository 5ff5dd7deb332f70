import { useState } from 'preact/hooks'
import { confer, dial, MAX_CONFERENCE } from '../../state/calls.ts'
import { targetOf, type ChatKey } from '../../state/chats.ts'
import { groups, membersOf } from '../../state/groups.ts'
import { blocked, contacts, friends, nameOf } from '../../state/people.ts'
import { hrefOf } from '../../state/route.ts'
import { typingIn } from '../../state/typing.ts'
import { GroupInfo } from '../groups/group-info.tsx'
import { Avatar, GroupAvatar, IconButton } from '../parts.tsx'
import { presenceOf, titleOf } from './summaries.ts'

/** Why nothing can be written in a conversation, in words. */
export function whyClosed(chat: ChatKey): string | undefined {
  const { kind, id } = targetOf(chat)
  if (kind === 'group') return groups.value.has(id) ? undefined : 'You are not in this group any more.'
  if (blocked.value.has(id)) return `You have blocked ${nameOf(id)}. Unblock them to write to them.`
  const state = contacts.value.get(id)?.state
  if (state === 'requested') return `You can write when ${nameOf(id)} has accepted your request.`
  return undefined // the platform may be open to everybody: it has the last word
}

/** With whom one talks, and what can be done about it. */
export function ChatHead({ chat }: { chat: ChatKey }) {
  const { kind, id } = targetOf(chat)
  return (
    <header class="pane-head">
      <a class="icon-button plain back" href={hrefOf('chats')} aria-label="Back to the chats">
        <span class="chevron" aria-hidden="true" />
      </a>
      {kind === 'group' ? <GroupHead chat={chat} id={id} /> : <UserHead chat={chat} id={id} />}
    </header>
  )
}

function UserHead({ chat, id }: { chat: ChatKey; id: string }) {
  return (
    <>
      <a class="who" href={hrefOf('people', 'profile', id)}>
        <Avatar user={id} shows />
        <span class="row-text">
          <h1>{titleOf(chat)}</h1>
          <span class="row-detail">{typingIn(chat).length > 0 ? <em class="typing">typing…</em> : presenceOf(id)}</span>
        </span>
      </a>
      <IconButton icon="phone" label={`Call ${nameOf(id)}`} onClick={() => void dial(id, false)} />
      <IconButton icon="video" label={`Call ${nameOf(id)} with video`} onClick={() => void dial(id, true)} />
    </>
  )
}

function GroupHead({ chat, id }: { chat: ChatKey; id: string }) {
  const [isInfo, setInfo] = useState(false)
  const members = membersOf(id)
  const typing = typingIn(chat).map(nameOf)
  const callable = members.map(({ user_id }) => user_id).filter((user) => friends.value.includes(user))
  const count = groups.value.get(id)?.members ?? members.length
  return (
    <>
      <button type="button" class="who" onClick={() => setInfo(true)} aria-haspopup="dialog">
        <GroupAvatar id={id} title={titleOf(chat)} />
        <span class="row-text">
          <span class="title">{titleOf(chat)}</span>
          <span class="row-detail">
            {typing.length > 0 ? (
              <em class="typing">{typing.join(', ')} typing…</em>
            ) : (
              `${count} ${count === 1 ? 'member' : 'members'}`
            )}
          </span>
        </span>
      </button>
      <IconButton
        icon="video"
        label="Begin a conference"
        onClick={() => void confer(callable.slice(0, MAX_CONFERENCE - 1), titleOf(chat))}
      />
      <IconButton icon="info" label="About this group" onClick={() => setInfo(true)} />
      {isInfo && <GroupInfo id={id} onClose={() => setInfo(false)} />}
    </>
  )
}
