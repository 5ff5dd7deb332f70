import { signal } from '@preact/signals'
import { get, post } from '../api.ts'
import type { User } from '../answers.ts'
import { attempt } from '../notice.ts'
import { bytes, moment } from '../words.ts'

const asked = signal('')
const found = signal<User | undefined>(undefined)

async function look(): Promise<void> {
  found.value = await attempt(get<User>(`/api/users/${encodeURIComponent(asked.value)}`))
}

async function act(path: string, body: object, said: string): Promise<void> {
  await attempt(post<{ sessions?: number }>(path, body), ({ sessions }) =>
    sessions === undefined ? said : `${said} ${sessions} ${sessions === 1 ? 'session' : 'sessions'} ended.`,
  )
  await look()
}

export function UserView() {
  const user = found.value
  return (
    <>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault()
          void look()
        }}
      >
        <label>
          user id
          <input value={asked.value} onInput={(event) => (asked.value = event.currentTarget.value)} />
        </label>
        <button type="submit" class="button">
          Look up
        </button>
      </form>
      {user && <Found user={user} />}
    </>
  )
}

function Found({ user }: { user: User }) {
  const path = `/api/users/${encodeURIComponent(user.user)}`
  return (
    <section class="card wide">
      <h2>{user.user}</h2>
      {user.banned_until !== undefined && (
        <p class="notice bad">
          banned {user.banned_until === 'for_good' ? 'for good' : `until ${moment(user.banned_until)}`}
        </p>
      )}
      <p>
        {user.inbox.events} events in the inbox, the last is number {user.inbox.last} · {user.queue.commands} commands
        wait ({bytes(user.queue.bytes)})
      </p>
      <div class="actions">
        <button type="button" class="plain danger" onClick={() => void act(`${path}/kick`, {}, 'Kicked.')}>
          Kick
        </button>
        <button
          type="button"
          class="plain danger"
          onClick={() => void act(`${path}/ban`, { seconds: 3_600 }, 'Banned.')}
        >
          Ban for an hour
        </button>
        <button
          type="button"
          class="plain danger"
          onClick={() => confirm(`Ban ${user.user} for good?`) && void act(`${path}/ban`, {}, 'Banned for good.')}
        >
          Ban for good…
        </button>
        <button type="button" class="plain" onClick={() => void act(`${path}/unban`, {}, 'No longer banned.')}>
          Unban
        </button>
      </div>
      <h3 id="sessions">Sessions</h3>
      {user.sessions.length === 0 && <p class="faint">None.</p>}
      <ul aria-labelledby="sessions">
        {user.sessions.map(({ client, connected, jti, expires_at, away_since, waiting, subscriptions }) => (
          <li class="row" key={client}>
            <span>
              <code>{client}</code> · {connected ? 'connected' : 'away'}
              {expires_at !== undefined && ` · token ends ${moment(expires_at)}`}
              {away_since !== undefined && ` since ${moment(away_since)}`} · {waiting} waiting · {subscriptions}{' '}
              subscriptions
            </span>
            <button
              type="button"
              class="plain danger"
              onClick={() => void act(`${path}/kick`, { client_id: client }, 'Kicked.')}
            >
              Kick this one
            </button>
            {jti !== undefined && (
              <button
                type="button"
                class="plain danger"
                onClick={() => void act('/api/tokens/revoke', { jti }, 'Revoked.')}
              >
                Revoke its token
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
