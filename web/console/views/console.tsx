import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { theme } from '../../state/theme.ts'
import { refusal, signIn, signOut, token } from '../api.ts'
import { notice } from '../notice.ts'
import { DeadLetters } from './dead-letters.tsx'
import { OverviewView } from './overview.tsx'
import { Tail } from './tail.tsx'
import { UserView } from './user.tsx'

const VIEWS = { Overview: OverviewView, 'Dead letters': DeadLetters, User: UserView, Tail }
type View = keyof typeof VIEWS
const view = signal<View>('Overview')
const THEMES = ['system', 'light', 'dark'] as const

export function Console() {
  if (token.value === undefined) return <SignIn />
  const Shown = VIEWS[view.value]
  return (
    <div class="console">
      <header class="bar">
        <strong>Switchboard</strong>
        <nav aria-label="Views">
          {(Object.keys(VIEWS) as View[]).map((name) => (
            <button
              type="button"
              class="tab"
              aria-current={view.value === name ? 'page' : undefined}
              onClick={() => (view.value = name)}
            >
              {name}
            </button>
          ))}
        </nav>
        <label class="unseen" for="theme">
          Colours
        </label>
        <select
          id="theme"
          value={theme.value}
          onChange={(event) => (theme.value = event.currentTarget.value as (typeof THEMES)[number])}
        >
          {THEMES.map((name) => (
            <option value={name}>{name}</option>
          ))}
        </select>
        <button type="button" class="plain" onClick={() => signOut()}>
          Sign out
        </button>
      </header>
      <main>
        <h1>{view.value}</h1>
        <Notice />
        <Shown />
      </main>
    </div>
  )
}

function Notice() {
  const said = notice.value
  return (
    <div role="status" aria-live="polite">
      {said && (
        <p class={said.isBad ? 'notice bad' : 'notice'}>
          {said.text}{' '}
          <button type="button" class="plain" onClick={() => (notice.value = undefined)}>
            Dismiss
          </button>
        </p>
      )}
    </div>
  )
}

function SignIn() {
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])
  const submit = (event: Event): void => {
    event.preventDefault()
    const text = field.current!.value.trim()
    if (text) signIn(text)
  }
  return (
    <main class="sign-in">
      <form class="card" onSubmit={submit}>
        <h1>Switchboard console</h1>
        {refusal.value !== undefined && (
          <p class="notice bad" role="alert">
            {refusal.value}
          </p>
        )}
        <label for="token">Token of an operator</label>
        <input id="token" ref={field} type="password" autocomplete="off" spellcheck={false} />
        <button type="submit" class="button">
          Sign in
        </button>
        <p class="faint">The token stays in this tab.</p>
      </form>
    </main>
  )
}
