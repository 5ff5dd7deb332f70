import { useState } from 'preact/hooks'
import { isMe } from '../../state/board.ts'
import { chatList, chatOf, targetOf, unreadIn, type ChatKey } from '../../state/chats.ts'
import { hrefOf, open } from '../../state/route.ts'
import { draftsIn } from '../../state/sending.ts'
import { isReady } from '../../state/start.ts'
import { typingIn } from '../../state/typing.ts'
import { nameForMe } from '../../state/people.ts'
import { Icon } from '../icon.tsx'
import { Avatar, Empty, GroupAvatar, Loading, SearchBox } from '../parts.tsx'
import { briefly } from '../times.ts'
import { NewGroup } from '../groups/new-group.tsx'
import { Found } from './found.tsx'
import { inOneLine, titleOf } from './summaries.ts'

/** The conversations, and a search through all that was said. */
export function ChatList() {
  const [query, setQuery] = useState('')
  const [isNewGroup, setNewGroup] = useState(false)
  const wanted = query.trim().toLowerCase()
  const shown = chatList.value.filter((key) => titleOf(key).toLowerCase().includes(wanted))
  return (
    <>
      <header class="list-head">
        <h1>Chats</h1>
        <button type="button" class="button small" onClick={() => setNewGroup(true)}>
          <Icon name="plus" size={16} /> New group
        </button>
      </header>
      <SearchBox label="Search chats and messages" value={query} onInput={setQuery} />
      <div class="list-body">
        {!isReady.value && <Loading what="your chats" />}
        {isReady.value && chatList.value.length === 0 && (
          <Empty icon="chats" title="No chats yet">
            <p>Find somebody to talk to: when they accept your request, you can write and call each other.</p>
            <a class="button primary" href={hrefOf('people')}>
              Find people
            </a>
          </Empty>
        )}
        <ul class="rows">
          {shown.map((key) => (
            <ChatRow key={key} chat={key} />
          ))}
        </ul>
        {wanted !== '' && <Found query={query.trim()} isAlone={shown.length === 0} />}
      </div>
      {isNewGroup && <NewGroup onClose={() => setNewGroup(false)} />}
    </>
  )
}

function ChatRow({ chat }: { chat: ChatKey }) {
  const { kind, id } = targetOf(chat)
  const title = titleOf(chat)
  const last = chatOf(chat).messages.at(-1)
  const count = unreadIn(chat)
  const isOpen = open.value?.kind === kind && open.value.id === id
  return (
    <li>
      <a class="row" href={hrefOf('chats', kind, id)} aria-current={isOpen ? 'page' : undefined}>
        {kind === 'group' ? <GroupAvatar id={id} title={title} /> : <Avatar user={id} shows />}
        <span class="row-text">
          <span class="row-line">
            <strong>{title}</strong>
            {last && <time dateTime={last.sent_at}>{briefly(last.sent_at)}</time>}
          </span>
          <span class="row-line">
            <span class="row-detail">
              <LastWords chat={chat} />
            </span>
            {count > 0 && (
              <span class="badge">
                {count}
                <span class="unseen"> unread</span>
              </span>
            )}
          </span>
        </span>
      </a>
    </li>
  )
}

function LastWords({ chat }: { chat: ChatKey }) {
  const { kind } = targetOf(chat)
  const typing = typingIn(chat)
  if (typing.length > 0) return <em class="typing">typing…</em>
  const draft = draftsIn(chat).at(-1)
  if (draft) {
    return (
      <>
        <Icon name={draft.failure === undefined ? 'clock' : 'warning'} size={14} /> {draft.body}
      </>
    )
  }
  const last = chatOf(chat).messages.at(-1)
  if (!last) return <>{kind === 'group' ? 'No messages yet' : 'Say hello'}</>
  const who = last.system ? '' : isMe(last.from) ? 'You: ' : kind === 'group' ? `${nameForMe(last.from)}: ` : ''
  return <>{who + inOneLine(last)}</>
}
