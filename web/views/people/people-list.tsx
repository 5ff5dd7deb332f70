import { useState } from 'preact/hooks'
import { board, me } from '../../state/board.ts'
import { blocked, contacts, friends, nameOf, presence, requests } from '../../state/people.ts'
import { hrefOf } from '../../state/route.ts'
import { isReady } from '../../state/start.ts'
import { presenceOf } from '../chat/summaries.ts'
import { ActionButton, Avatar, Empty, Loading, SearchBox } from '../parts.tsx'
import { FindPeople } from './find-people.tsx'
import { PersonRow } from './person-row.tsx'

/** Contacts, requests in both directions, who is blocked, and a search for others. */
export function PeopleList() {
  const [query, setQuery] = useState('')
  const wanted = query.trim()
  return (
    <>
      <header class="list-head">
        <h1>People</h1>
      </header>
      <SearchBox label="Find people by name or ID" value={query} onInput={setQuery} />
      <div class="list-body">
        {!isReady.value && <Loading what="your contacts" />}
        {isReady.value && (wanted === '' ? <Known /> : <FindPeople query={wanted} />)}
      </div>
    </>
  )
}

function Known() {
  const isHere = (user: string): number => (presence.value.has(user) ? 0 : 1)
  const all = friends.value.toSorted((a, b) => isHere(a) - isHere(b) || nameOf(a).localeCompare(nameOf(b)))
  const asked = [...contacts.value.values()].filter(({ state }) => state === 'requested')
  return (
    <>
      {requests.value.length > 0 && (
        <>
          <h2 class="list-title">Requests to you</h2>
          <ul class="rows">
            {requests.value.map(({ user, note }) => (
              <Request key={user} user={user} note={note} />
            ))}
          </ul>
        </>
      )}
      {all.length > 0 && <h2 class="list-title">Contacts</h2>}
      <ul class="rows">
        {all.map((user) => (
          <PersonRow key={user} user={user} detail={presenceOf(user)} shows />
        ))}
      </ul>
      {asked.length > 0 && <h2 class="list-title">Waiting for an answer</h2>}
      <ul class="rows">
        {asked.map(({ user }) => (
          <PersonRow key={user} user={user} detail="Request sent" />
        ))}
      </ul>
      {blocked.value.size > 0 && <h2 class="list-title">Blocked</h2>}
      <ul class="rows">
        {[...blocked.value].map((user) => (
          <PersonRow key={user} user={user} detail="Blocked" />
        ))}
      </ul>
      {contacts.value.size === 0 && blocked.value.size === 0 && (
        <Empty icon="people" title="Nobody here yet">
          <p>Search for somebody by their name or their ID, and send them a request.</p>
          <p>
            Your own ID is <code>{me.value}</code>.
          </p>
        </Empty>
      )}
    </>
  )
}

function Request({ user, note }: { user: string; note: string | undefined }) {
  return (
    <li class="request">
      <a class="row" href={hrefOf('people', 'profile', user)}>
        <Avatar user={user} />
        <span class="row-text">
          <strong>{nameOf(user)}</strong>
          <span class="row-detail">{note ?? 'wants to be your contact'}</span>
        </span>
      </a>
      <RequestButtons user={user} />
    </li>
  )
}

export function RequestButtons({ user }: { user: string }) {
  return (
    <div class="buttons">
      <ActionButton
        look="primary small"
        icon="check"
        act={() => board().call('accept_contact', { user_id: user })}
        done={`${nameOf(user)} is your contact now.`}
      >
        Accept
      </ActionButton>
      <ActionButton look="small" act={() => board().call('reject_contact', { user_id: user })}>
        Reject
      </ActionButton>
    </div>
  )
}
