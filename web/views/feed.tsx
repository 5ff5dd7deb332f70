import { feed, toggleFeed, type Happening } from '../state/feed.ts'
import { Icon } from './icon.tsx'
import { IconButton } from './parts.tsx'

const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
/** What a feed must not show: it is long, or secret. */
const HIDDEN = /^(?:body|ciphertext|hash|prev_hash|token|username|password|ice_servers|uris)$/
const MAX_TEXT = 60

/** The platform's events as they come, by name. */
export function Feed() {
  return (
    <aside class="feed" aria-label="What happens">
      <header class="list-head">
        <h2>What happens</h2>
        <IconButton icon="close" label="Close the feed" onClick={toggleFeed} />
      </header>
      <ol class="list-body" tabIndex={0} aria-label="Events, newest first">
        {feed.value.length === 0 && <li class="hint">Every event that reaches you is shown here.</li>}
        {feed.value.map((one) => (
          <Line key={one.key} one={one} />
        ))}
      </ol>
    </aside>
  )
}

function Line({ one: { event, at, fields } }: { one: Happening }) {
  const shown = Object.entries(fields).flatMap(([name, value]) => {
    if (HIDDEN.test(name) || value === null) return []
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return [[name, text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text] as const]
  })
  return (
    <li class="happening">
      <p>
        <Icon name="feed" size={14} />
        <code>{event}</code>
        <time dateTime={at}>{TIME.format(new Date(at))}</time>
      </p>
      <dl>
        {shown.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </li>
  )
}
