import { useEffect, useRef, useState } from 'preact/hooks'
import { isMe, isOnline } from '../../state/board.ts'
import { chatOf, loadEarlier, loadEnd, markRead, type ChatKey, type Message } from '../../state/chats.ts'
import { draftsIn } from '../../state/sending.ts'
import { attempt } from '../../state/toasts.ts'
import { Loading } from '../parts.tsx'
import { dayOf } from '../times.ts'
import { Composer } from './composer.tsx'
import { ChatHead, whyClosed } from './chat-head.tsx'
import { Bubble, Unsent } from './message.tsx'
import { changeInWords, titleOf } from './summaries.ts'

/** Milliseconds between messages of one person that still belong together. */
const PAUSE = 300_000
/** Pages to go back at most for a message that was searched for. */
const MOST_PAGES = 20

/** A conversation with a user or a group. `at` is a message to go to. */
export function Conversation({ chat, at }: { chat: ChatKey; at: string | undefined }) {
  const [edited, setEdited] = useState<Message>()
  const { messages, hasEarlier, isLoading } = chatOf(chat)
  const drafts = draftsIn(chat)
  useEffect(() => {
    setEdited(undefined)
    if (chatOf(chat).messages.length === 0) void attempt(loadEnd(chat))
  }, [chat])
  useReading(chat, messages)
  useGoingTo(chat, at)

  const editLast = (): void => {
    setEdited(messages.findLast((one) => isMe(one.from) && one.body !== undefined && one.deleted_at === undefined))
  }
  const closed = whyClosed(chat)
  return (
    <section class="conversation" aria-label={`Conversation with ${titleOf(chat)}`}>
      <ChatHead chat={chat} />
      <div class="scroller" tabIndex={0} role="log" aria-live="polite" aria-label={`Messages with ${titleOf(chat)}`}>
        <ol class="messages">
          {hasEarlier && messages.length > 0 && <Earlier chat={chat} isLoading={isLoading} />}
          {messages.length === 0 && drafts.length === 0 && (
            <li class="begin">
              {isLoading && isOnline.value ? (
                <Loading what="messages" />
              ) : isOnline.value ? (
                'This is the beginning of your conversation.'
              ) : (
                'What was said is shown when the connection is back.'
              )}
            </li>
          )}
          {messages.map((message, i) => (
            <Entry
              key={message.message_id}
              chat={chat}
              message={message}
              before={messages[i - 1]}
              at={at}
              onEdit={() => setEdited(message)}
            />
          ))}
          {drafts.map((draft) => (
            <Unsent key={draft.id} draft={draft} />
          ))}
        </ol>
      </div>
      {closed === undefined ? (
        <Composer chat={chat} edited={edited} onEditLast={editLast} onDone={() => setEdited(undefined)} />
      ) : (
        <p class="closed">{closed}</p>
      )}
    </section>
  )
}

function Entry({
  chat,
  message,
  before,
  at,
  onEdit,
}: {
  chat: ChatKey
  message: Message
  before: Message | undefined
  at: string | undefined
  onEdit: () => void
}) {
  const day = dayOf(message.sent_at)
  const isNewDay = before === undefined || dayOf(before.sent_at) !== day
  const gap = before === undefined ? Infinity : Date.parse(message.sent_at) - Date.parse(before.sent_at)
  const isFirst = isNewDay || before.from !== message.from || before.system !== undefined || gap > PAUSE
  return (
    <>
      {isNewDay && <li class="day">{day}</li>}
      {message.system ? (
        <li class="system">{changeInWords(message)}</li>
      ) : (
        <Bubble chat={chat} message={message} isFirst={isFirst} isFocus={at === message.message_id} onEdit={onEdit} />
      )}
    </>
  )
}

/** Loads what was said before as soon as it comes into sight. */
function Earlier({ chat, isLoading }: { chat: ChatKey; isLoading: boolean }) {
  const place = useRef<HTMLLIElement>(null)
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting) void attempt(loadEarlier(chat))
    })
    observer.observe(place.current!)
    return () => observer.disconnect()
  }, [chat, isLoading])
  return (
    <li ref={place} class="begin">
      {isLoading ? (
        <Loading what="earlier messages" />
      ) : (
        <button type="button" class="link" onClick={() => void attempt(loadEarlier(chat))}>
          Earlier messages
        </button>
      )}
    </li>
  )
}

/** What is on the screen of somebody who looks at it is read. */
function useReading(chat: ChatKey, messages: readonly Message[]): void {
  useEffect(() => {
    const look = (): void => {
      if (document.visibilityState === 'visible' && document.hasFocus()) markRead(chat)
    }
    look()
    document.addEventListener('visibilitychange', look)
    addEventListener('focus', look)
    return () => {
      document.removeEventListener('visibilitychange', look)
      removeEventListener('focus', look)
    }
  }, [chat, messages])
}

/** Goes to a message that was searched for, back through the conversation if need be. */
function useGoingTo(chat: ChatKey, at: string | undefined): void {
  useEffect(() => {
    if (at === undefined) return
    const left = new AbortController()
    void (async () => {
      for (let page = 0; page < MOST_PAGES && !left.signal.aborted; page++) {
        const { messages, hasEarlier } = chatOf(chat)
        if (messages.some(({ message_id }) => message_id === at) || !hasEarlier) break
        if (!(await attempt(messages.length === 0 ? loadEnd(chat) : loadEarlier(chat)))) break
      }
      await new Promise((drawn) => requestAnimationFrame(drawn))
      if (!left.signal.aborted) document.querySelector(`#m-${CSS.escape(at)}`)?.scrollIntoView({ block: 'center' })
    })()
    return () => left.abort()
  }, [chat, at])
}
