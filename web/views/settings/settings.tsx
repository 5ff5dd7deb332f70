import { useState } from 'preact/hooks'
import { board, me, outbox } from '../../state/board.ts'
import { isFeedOpen, toggleFeed } from '../../state/feed.ts'
import { nameOf, ownStatus, profileOf, type OwnStatus, type Profile } from '../../state/people.ts'
import { doesRing } from '../../state/ring.ts'
import { signOut } from '../../state/start.ts'
import { theme, type Theme } from '../../state/theme.ts'
import { attempt } from '../../state/toasts.ts'
import { ActionButton, Avatar, Confirm } from '../parts.tsx'
import { Notify } from './notify.tsx'

const [MAX_NAME, MAX_ABOUT, MAX_STATUS] = [80, 280, 140]
const STATUSES: Record<OwnStatus, string> = {
  available: 'Available',
  away: 'Away',
  busy: 'Busy',
  invisible: 'Invisible',
}
const THEMES: Record<Theme, string> = { system: 'Automatic', light: 'Light', dark: 'Dark' }

/** The user's own profile and status, and how the page behaves. */
export function Settings() {
  return (
    <>
      <header class="list-head">
        <h1>Settings</h1>
      </header>
      <div class="list-body settings">
        {me.value !== undefined && <Own user={me.value} />}
        <Status />
        <Looks />
        <Notify />
        <SignOut />
      </div>
    </>
  )
}

function Own({ user }: { user: string }) {
  const profile = profileOf(user)
  return (
    <>
      <div class="own">
        <Avatar user={user} size="l" />
        <p class="row-text">
          <strong>{nameOf(user)}</strong>
          <code class="row-detail">{user}</code>
        </p>
      </div>
      {profile && <OwnProfile profile={profile} />}
    </>
  )
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

function OwnProfile({ profile }: { profile: Profile }) {
  const [name, setName] = useState(textOf(profile['name']))
  const [about, setAbout] = useState(textOf(profile['status_text']))
  const save = (): Promise<unknown> =>
    board().call('update_profile', { fields: { name: name.trim() || null, status_text: about.trim() || null } })
  return (
    <section aria-label="Profile">
      <h2>Profile</h2>
      <label class="field">
        Name
        <input
          type="text"
          maxLength={MAX_NAME}
          autocomplete="name"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        About you, for your contacts
        <input
          type="text"
          maxLength={MAX_ABOUT}
          value={about}
          onInput={(event) => setAbout(event.currentTarget.value)}
        />
      </label>
      <ActionButton look="primary" act={save} done="Your profile is saved.">
        Save
      </ActionButton>
    </section>
  )
}

function Status() {
  const { status, text = '' } = ownStatus.value
  const [words, setWords] = useState(text)
  const set = (next: OwnStatus, said: string): void => {
    void attempt(board().call('set_status', { status: next, ...(said.trim() !== '' && { text: said.trim() }) }))
  }
  return (
    <section aria-label="Status">
      <h2>Status</h2>
      <label class="field">
        How others see you
        <select value={status} onChange={(event) => set(event.currentTarget.value as OwnStatus, words)}>
          {Object.entries(STATUSES).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        A few words
        <input
          type="text"
          maxLength={MAX_STATUS}
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
          onChange={() => set(status, words)}
        />
      </label>
    </section>
  )
}

function Looks() {
  return (
    <section aria-label="This page">
      <h2>This page</h2>
      <fieldset class="segments">
        <legend>Colours</legend>
        <div>
          {Object.entries(THEMES).map(([value, label]) => (
            <label key={value}>
              <input
                type="radio"
                name="theme"
                checked={theme.value === value}
                onChange={() => (theme.value = value as Theme)}
              />
              <span>{label}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <label class="switch">
        <span>Ring when somebody calls</span>
        <input
          type="checkbox"
          role="switch"
          checked={doesRing.value}
          onChange={() => (doesRing.value = !doesRing.value)}
        />
      </label>
      <label class="switch">
        <span>Show what happens, event by event</span>
        <input type="checkbox" role="switch" checked={isFeedOpen.value} onChange={toggleFeed} />
      </label>
    </section>
  )
}

function SignOut() {
  const [isAsking, setAsking] = useState(false)
  const count = outbox.value.length
  return (
    <section aria-label="Session">
      <button type="button" class="button danger" onClick={() => (count > 0 ? setAsking(true) : void signOut())}>
        Sign out
      </button>
      {isAsking && (
        <Confirm
          title="Sign out?"
          text={`${count === 1 ? 'Something waits' : `${count} things wait`} for the connection, and will be dropped.`}
          verb="Sign out"
          act={signOut}
          onClose={() => setAsking(false)}
        />
      )}
    </section>
  )
}
