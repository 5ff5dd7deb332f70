import type { ComponentType } from 'preact'
import { talk } from '../state/calls.ts'
import { unread } from '../state/chats.ts'
import { isFeedOpen, toggleFeed } from '../state/feed.ts'
import { requests } from '../state/people.ts'
import { hrefOf, open, section, type Section } from '../state/route.ts'
import { Banner } from './banner.tsx'
import { CallsList } from './call/call-list.tsx'
import { Incoming } from './call/incoming.tsx'
import { Stage } from './call/stage.tsx'
import { ChatList } from './chat/chat-list.tsx'
import { Conversation } from './chat/conversation.tsx'
import { Feed } from './feed.tsx'
import { Icon, type IconName } from './icon.tsx'
import { Empty } from './parts.tsx'
import { PeopleList } from './people/people-list.tsx'
import { Person } from './people/person.tsx'
import { Settings } from './settings/settings.tsx'
import { Toasts } from './toasts.tsx'

// prettier-ignore
const SECTIONS: [Section, string, IconName, ComponentType][] = [
  ['chats',    'Chats',    'chats',    ChatList],
  ['people',   'People',   'people',   PeopleList],
  ['calls',    'Calls',    'phone',    CallsList],
  ['settings', 'Settings', 'settings', Settings],
]

/** The page of somebody who is signed in: sections, the list of one, what is open in it, and what happens. */
export function App() {
  const [, label, , List] = SECTIONS.find(([name]) => name === section.value)!
  return (
    <div
      class={`app ${open.value ? 'has-open' : ''} ${isFeedOpen.value ? 'has-feed' : ''} ${talk.value ? 'in-call' : ''}`}
    >
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <Banner />
      <Sections />
      <section class="list" aria-label={label}>
        <List />
      </section>
      <main class="pane" id="main" tabIndex={-1}>
        <Pane />
      </main>
      {isFeedOpen.value && <Feed />}
      <Stage />
      <Incoming />
      <Toasts />
    </div>
  )
}

/** The address after `#` is where the page is, so the jump is made here. */
function skip(event: Event): void {
  event.preventDefault()
  document.querySelector<HTMLElement>('#main')?.focus()
}

function Sections() {
  const counts: Partial<Record<Section, [number, string]>> = {
    chats: [unread.value, 'unread'],
    people: [requests.value.length, 'requests'],
  }
  return (
    <nav class="sections" aria-label="Sections">
      {SECTIONS.map(([name, label, icon]) => {
        const [count, of] = counts[name] ?? [0, '']
        return (
          <a key={name} href={hrefOf(name)} aria-current={section.value === name ? 'page' : undefined}>
            <Icon name={icon} size={24} />
            <span>{label}</span>
            {count > 0 && (
              <span class="badge">
                {count}
                <span class="unseen"> {of}</span>
              </span>
            )}
          </a>
        )
      })}
      <button type="button" class="feed-switch" aria-pressed={isFeedOpen.value} onClick={toggleFeed}>
        <Icon name="feed" size={24} />
        <span>Feed</span>
      </button>
    </nav>
  )
}

const INVITATIONS: Record<Section, string> = {
  chats: 'Choose a chat to read it and to write.',
  people: 'Choose somebody to see their profile, or search for people you know.',
  calls: 'Call a contact, or begin a conference.',
  settings: 'Your profile, your status and how this page looks.',
}

function Pane() {
  const { kind, id, at } = open.value ?? {}
  if (id !== undefined && id !== '') {
    if (kind === 'user' || kind === 'group')
      return <Conversation key={`${kind}/${id}`} chat={`${kind}/${id}`} at={at} />
    if (kind === 'profile') return <Person key={id} user={id} />
  }
  const [, label, icon] = SECTIONS.find(([name]) => name === section.value)!
  return (
    <Empty icon={icon} title={label}>
      <p>{INVITATIONS[section.value]}</p>
    </Empty>
  )
}
