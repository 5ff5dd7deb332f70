import { useEffect, useState } from 'preact/hooks'
import { Rejected, type MessageResults } from '../../../client/index.ts'
import { board, isMe } from '../../state/board.ts'
import { keyOfGroup, keyOfUser, targetOf, type Message } from '../../state/chats.ts'
import { nameForMe } from '../../state/people.ts'
import { hrefOf } from '../../state/route.ts'
import { inWords } from '../../state/words.ts'
import { Loading } from '../parts.tsx'
import { briefly } from '../times.ts'
import { titleOf } from './summaries.ts'

/** Milliseconds without a keystroke after which the search begins. */
const PAUSE = 300

/** Messages that hold all the words. */
export function Found({ query, isAlone }: { query: string; isAlone: boolean }) {
  const [results, setResults] = useState<MessageResults | string>()
  useEffect(() => {
    let isStale = false
    setResults(undefined)
    const timer = setTimeout(() => {
      void board()
        .call('search_messages', { q: query, limit: 30 })
        .catch((err: unknown) => {
          if (err instanceof Rejected && err.code === 'bad_payload') return 'Type a word to search for.'
          return inWords(err) ?? ''
        })
        .then((told) => !isStale && setResults(told))
    }, PAUSE)
    return () => {
      isStale = true
      clearTimeout(timer)
    }
  }, [query])
  if (results === undefined) return <Loading what="messages" />
  if (typeof results === 'string') return <p class="hint">{results}</p>
  if (results.messages.length === 0) return <p class="hint">{isAlone ? 'Nothing found.' : 'No messages found.'}</p>
  return (
    <>
      <h2 class="list-title">Messages</h2>
      <ul class="rows" aria-label="Messages found">
        {results.messages.map((one) => (
          <Result key={one.message_id} message={one} />
        ))}
      </ul>
    </>
  )
}

function Result({ message }: { message: Message }) {
  const { from, to, group_id, body = '', sent_at, message_id } = message
  const chat = group_id === undefined ? keyOfUser(isMe(from) ? to! : from) : keyOfGroup(group_id)
  const { kind, id } = targetOf(chat)
  return (
    <li>
      <a class="row" href={`${hrefOf('chats', kind, id)}/${message_id}`}>
        <span class="row-text">
          <span class="row-line">
            <strong>{titleOf(chat)}</strong>
            <time dateTime={sent_at}>{briefly(sent_at)}</time>
          </span>
          <span class="row-detail">
            {nameForMe(from)}: {body}
          </span>
        </span>
      </a>
    </li>
  )
}
