import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { get } from '../api.ts'
import type { Overview, Sample } from '../answers.ts'
import { bytes, duration, ms, rate } from '../words.ts'
import { Plot } from './plot.tsx'

/** Milliseconds between two looks; samples come every ten seconds. */
const EVERY = 2_000
/** Samples that are shown: an hour. */
const MAX_SAMPLES = 360

const now = signal<Overview | undefined>(undefined)
const samples = signal<Sample[]>([])
const trouble = signal<string | undefined>(undefined)

async function look(): Promise<void> {
  try {
    now.value = await get<Overview>('/api/overview')
    const after = samples.value.at(-1)?.at ?? 0
    const more = (await get<{ samples: Sample[] }>('/api/history', { after: String(after) })).samples
    if (more.length > 0) samples.value = [...samples.value, ...more].slice(-MAX_SAMPLES)
    trouble.value = undefined
  } catch (err) {
    trouble.value = (err as Error).message
  }
}

export function OverviewView() {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let isOver = false
    const next = (): void =>
      void look().then(() => {
        if (!isOver) timer = setTimeout(next, EVERY)
      })
    next()
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [])
  const seen = now.value
  if (!seen) return <p class="faint">{trouble.value ?? 'Loading…'}</p>
  return (
    <>
      {trouble.value !== undefined && <p class="notice bad">{trouble.value} The figures below are old.</p>}
      {seen.faults.map((fault) => (
        <p class="notice bad">{fault}</p>
      ))}
      <Figures seen={seen} />
      <Groups seen={seen} />
      <section class="pair">
        <Commands seen={seen} />
        <Rooms seen={seen} />
      </section>
    </>
  )
}

function Figures({ seen }: { seen: Overview }) {
  const { rates, event_loop, groups } = seen
  const all = samples.value
  const queued = groups.reduce((sum, { commands }) => sum + commands, 0)
  return (
    <section class="plots" aria-label="Figures">
      <Plot title="Accepted" now={rate(rates.accepted)} values={all.map((one) => one.accepted)} />
      <Plot title="Answered" now={rate(rates.ended)} values={all.map((one) => one.ended)} />
      <Plot title="Answer, p99" now={ms(rates.p99_ms)} values={all.map((one) => one.p99_ms)} />
      <Plot
        title="Waiting"
        now={String(queued)}
        values={all.map(({ queues }) => queues.reduce((sum, { commands }) => sum + commands, 0))}
      />
      <Plot title="Event loop, p99" now={ms(event_loop.p99_ms)} values={all.map((one) => one.loop_p99_ms)} />
    </section>
  )
}

function Groups({ seen }: { seen: Overview }) {
  return (
    <section class="card wide">
      <h2 id="groups">Groups</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="groups">
        <table>
          <thead>
            <tr>
              {['Group', 'Processes', 'Waiting', 'Oldest', 'In flight', 'State'].map((name) => (
                <th scope="col">{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {seen.groups.map(({ group, processes, commands, oldest_s, in_flight, members, puts_off }) => (
              <tr data-group={group}>
                <th scope="row">{group}</th>
                <td>{processes}</td>
                <td>{commands}</td>
                <td>{duration(oldest_s)}</td>
                <td>{in_flight}</td>
                <td>{stateOf(processes, members, puts_off)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function stateOf(
  processes: number,
  members: Overview['groups'][number]['members'],
  putsOff: string | undefined,
): string {
  if (putsOff !== undefined) return `puts off: ${putsOff}`
  if (processes === 0) return 'no process'
  const stuck = members.filter((one) => one.stuck).length
  const busy = members.filter((one) => one.busy).length
  if (stuck > 0) return `${stuck} stuck`
  return busy > 0 ? `${busy} computing` : 'well'
}

function Commands({ seen }: { seen: Overview }) {
  return (
    <div class="card">
      <h2>Commands of the last minute</h2>
      {seen.commands.length === 0 && <p class="faint">None has ended.</p>}
      <dl>
        {seen.commands.slice(0, 20).map(({ command, ended, p50_ms, p99_ms }) => (
          <div>
            <dt>{command}</dt>
            <dd>
              {rate(ended)} · half in {ms(p50_ms)} · 99 % in {ms(p99_ms)}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

function Rooms({ seen }: { seen: Overview }) {
  const counts = { ...seen.connections }
  return (
    <div class="card">
      <h2>Connections and room</h2>
      <dl>
        {Object.entries(counts).map(([kind, count]) => (
          <div>
            <dt>{kind} connections</dt>
            <dd>{count}</dd>
          </div>
        ))}
        {Object.entries(seen.refused_logins).map(([reason, count]) => (
          <div>
            <dt>logins refused{reason === 'all' ? '' : `: ${reason}`}</dt>
            <dd>{count}</dd>
          </div>
        ))}
        <div>
          <dt>dead letters</dt>
          <dd>{seen.dead_letters}</dd>
        </div>
        {seen.storage.map(({ what, used, limit }) => (
          <div>
            <dt>{what}</dt>
            <dd>
              {bytes(used)} of {bytes(limit)}
            </dd>
          </div>
        ))}
        {seen.disk && (
          <div>
            <dt>free on the disk</dt>
            <dd>
              {bytes(seen.disk.free)} of {bytes(seen.disk.total)}
            </dd>
          </div>
        )}
        <div>
          <dt>running for</dt>
          <dd>{duration(seen.uptime_s)}</dd>
        </div>
      </dl>
    </div>
  )
}
