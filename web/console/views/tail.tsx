import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Failed, follow } from '../api.ts'
import type { Line } from '../answers.ts'
import { notice } from '../notice.ts'
import { clock, ms } from '../words.ts'

/** Lines that are kept. */
const MAX_LINES = 500

const lines = signal<Line[]>([])
const missed = signal(0)
const filter = signal({ user: '', command: '' })
const following = signal<AbortController | undefined>(undefined)

function stop(): void {
  following.value?.abort()
  following.value = undefined
}

function start(): void {
  stop()
  const mine = new AbortController()
  following.value = mine
  follow('/api/tail', filter.value, mine.signal, (event, data) => {
    if (event === 'line') lines.value = [data as Line, ...lines.value].slice(0, MAX_LINES)
    else missed.value += (data as { count: number }).count
  }).catch((err: unknown) => {
    if (following.value !== mine) return // stopped by hand
    following.value = undefined
    notice.value = { text: err instanceof Failed ? err.message : 'The tail was cut off.', isBad: true }
  })
}

export function Tail() {
  useEffect(() => stop, [])
  return (
    <>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault()
          if (following.value) stop()
          else start()
        }}
      >
        {(['user', 'command'] as const).map((name) => (
          <label>
            {name}
            <input
              placeholder="any"
              value={filter.value[name]}
              onInput={(event) => (filter.value = { ...filter.value, [name]: event.currentTarget.value })}
            />
          </label>
        ))}
        <button type="submit" class="button">
          {following.value ? 'Stop' : 'Follow'}
        </button>
        <button type="button" class="plain" onClick={() => ([lines.value, missed.value] = [[], 0])}>
          Clear
        </button>
      </form>
      <p class="faint">
        {following.value ? 'Follows.' : 'Off.'} Values in payloads are left out.
        {missed.value > 0 && ` ${missed.value} lines were left out, because there were too many.`}
      </p>
      <ol class="card wide tail" aria-label="Commands and their ends">
        {lines.value.map(({ what, at, id, command, user, bytes, fields, group, ms: took, code }) => (
          <li>
            <time>{clock(at)}</time> <span class={`what ${what}`}>{what}</span> <strong>{command}</strong> of {user}{' '}
            {what === 'accepted'
              ? `${bytes} bytes {${(fields ?? []).map((name) => `${name}: …`).join(', ')}}`
              : `in ${group} after ${ms(took)}${code === undefined ? '' : `: ${code}`}`}{' '}
            <code class="faint">{id}</code>
          </li>
        ))}
      </ol>
    </>
  )
}
