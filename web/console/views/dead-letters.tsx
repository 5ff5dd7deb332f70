import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { get, post } from '../api.ts'
import type { Letter, Letters } from '../answers.ts'
import { attempt } from '../notice.ts'
import { moment } from '../words.ts'

const FIELDS = ['command', 'user', 'group', 'since', 'until'] as const
type Filter = Partial<Record<(typeof FIELDS)[number], string>>

const filter = signal<Filter>({})
const found = signal<Letters | undefined>(undefined)
/** The payloads that were asked for, by letter. */
const payloads = signal<Record<string, string>>({})

const chosen = (): Filter => Object.fromEntries(Object.entries(filter.value).filter(([, text]) => text))
const keyOf = ({ id, group }: Letter): string => `${group} ${id}`

async function list(after?: string): Promise<void> {
  const more = await attempt(get<Letters>('/api/dead-letters', { ...chosen(), after, limit: '50' }))
  if (!more) return
  const before = after === undefined ? [] : (found.value?.letters ?? [])
  found.value = { ...more, count: more.count + before.length, letters: [...before, ...more.letters] }
}

async function act(what: 'replay' | 'drop', which: object): Promise<void> {
  const said = { replay: 'replayed', drop: 'dropped' }[what]
  await attempt(post<{ count: number; left?: number }>(`/api/dead-letters/${what}`, which), ({ count, left = 0 }) =>
    left === 0 ? `${count} ${said}.` : `${count} ${said}; ${left} stay, because a command of their id is open.`,
  )
  await list()
}

/** Says how many are meant, and acts once the operator has agreed. */
async function actOnAll(what: 'replay' | 'drop'): Promise<void> {
  const some = chosen()
  const which = Object.keys(some).length === 0 ? { all: true } : some
  const dry = await attempt(post<Letters>(`/api/dead-letters/${what}`, { ...which, dry_run: true }))
  if (dry && dry.count > 0 && confirm(`${what === 'replay' ? 'Replay' : 'Drop'} ${dry.count} dead letters?`))
    await act(what, which)
}

async function show(letter: Letter): Promise<void> {
  const { id, group } = letter
  const answer = await attempt(get<Letters>('/api/dead-letters/show', { id, group }))
  const payload = answer?.letters[0]?.payload
  if (payload !== undefined) payloads.value = { ...payloads.value, [keyOf(letter)]: payload }
}

export function DeadLetters() {
  useEffect(() => {
    payloads.value = {}
    void list()
  }, [])
  const { count, letters, next } = found.value ?? { count: 0, letters: [] as Letter[] }
  return (
    <>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault()
          void list()
        }}
      >
        {FIELDS.map((name) => (
          <label>
            {name}
            <input
              name={name}
              placeholder={name === 'since' || name === 'until' ? '2026-11-20T18:00:00Z' : 'any'}
              value={filter.value[name] ?? ''}
              onInput={(event) => (filter.value = { ...filter.value, [name]: event.currentTarget.value })}
            />
          </label>
        ))}
        <button type="submit" class="button">
          Search
        </button>
        <button type="button" class="plain" onClick={() => void actOnAll('replay')}>
          Replay all found…
        </button>
        <button type="button" class="plain danger" onClick={() => void actOnAll('drop')}>
          Drop all found…
        </button>
      </form>
      <p role="status">{count === 1 ? '1 dead letter' : `${count} dead letters`}</p>
      <ul class="letters">
        {letters.map((letter) => (
          <li class="card" key={keyOf(letter)}>
            <h2>
              {letter.command} <span class="faint">of {letter.user}</span>
            </h2>
            <p>
              {letter.code} after {letter.attempts} {letter.attempts === 1 ? 'attempt' : 'attempts'} in {letter.group},{' '}
              {moment(letter.died_at)}
            </p>
            {letter.error && (
              <p>
                <code>
                  {letter.error.name}: {letter.error.message}
                </code>
              </p>
            )}
            <p class="faint">
              <code>{letter.id}</code>
            </p>
            {payloads.value[keyOf(letter)] !== undefined && <pre>{payloads.value[keyOf(letter)]}</pre>}
            <div class="actions">
              <button
                type="button"
                class="button"
                onClick={() => void act('replay', { id: letter.id, group: letter.group })}
              >
                Replay
              </button>
              <button type="button" class="plain" onClick={() => void show(letter)}>
                Show payload
              </button>
              <button
                type="button"
                class="plain danger"
                onClick={() => void act('drop', { id: letter.id, group: letter.group })}
              >
                Drop
              </button>
            </div>
          </li>
        ))}
      </ul>
      {next !== undefined && (
        <button type="button" class="plain" onClick={() => void list(next)}>
          More
        </button>
      )}
    </>
  )
}
