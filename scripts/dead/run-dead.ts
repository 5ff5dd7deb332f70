import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { ShownLetter as Letter } from '../../broker/admin/api/dead-letters.ts'
import { ConfigError, type Config } from '../../shared/config.ts'
import { signingSecret } from '../../shared/dev-secrets.ts'
import { dialled } from '../../shared/dial.ts'
import { durationOf, timeOfText } from '../../shared/wire/time.ts'
import type { ToldError } from '../../shared/wire/told-error.ts'
import { signToken } from '../sign-token.ts'

const USAGE = `usage: npm run dead -- <what> [filters]
  list              prints one line each, oldest first: time of death, command, user, group, attempts, code, id, error
  show <id>         prints one dead letter, with its payload
  replay            runs the commands again, in their users' names; answers go to the users' topics. Waits, and prints how each
                    ended. Exits 1 when one died again, still waits, or was not replayed because its id is in the queue again
  drop              deletes dead letters

filters, combined with and:
  --id ID           the command's id, or the id that the device gave it
  --command NAME
  --user ID
  --group NAME
  --since TIME      died at or after: 2026-11-20T18:00:00Z, milliseconds since 1970, or 2h for two hours ago (s, m, h, d)
  --until TIME      died before
  --all             all dead letters

  --dry-run         with replay or drop: prints what would be done, and changes nothing
  --limit 100       with list: the most lines, up to 1000
  --timeout 60      with replay: the most seconds to wait
  --no-wait         with replay: does not wait

replay and drop need a filter or --all. A command that was replayed is no longer a dead letter and cannot be replayed again.
`

/** What the broker has done. `left`: letters not replayed because their ids are in the queue again; `open` names some of them. */
interface Dealt {
  count: number
  replay?: string
  open?: Letter[]
  left?: number
}

/** The progress of a replay. */
interface Progress {
  waiting: number
  open: Pick<Letter, 'id' | 'command' | 'user' | 'group'>[]
  ended: (Pick<Letter, 'id' | 'command' | 'user' | 'group' | 'error'> & {
    outcome: 'done' | 'refused' | 'dead'
    code?: string
  })[]
}

/** @throws {ConfigError} when the text is neither a time nor a duration */
function timeIn(option: string, text: string): string {
  const ago = durationOf(text)
  const time = ago === undefined ? timeOfText(text) : Math.max(0, Date.now() - ago)
  if (time === undefined || time < 0)
    throw new ConfigError(`--${option}: ${text} is not a time such as 2026-11-20T18:00:00Z or 2h`)
  return String(Math.floor(time))
}

/** Asks the broker's API. @param fields the query of a GET, or the body of a POST */
async function ask<Answer>(config: Config, method: 'GET' | 'POST', path: string, fields: object): Promise<Answer> {
  const url = new URL(`http://${dialled(config.ADMIN_HOST)}:${config.ADMIN_PORT}/api/dead-letters${path}`)
  const isPost = method === 'POST'
  if (!isPost) for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, String(value))
  const token = config.OPERATOR_TOKEN ?? signToken('npm run dead', '1m', signingSecret(config), { role: 'operator' })
  const headers = { authorization: `Bearer ${token}`, ...(isPost && { 'content-type': 'application/json' }) }
  const response = await fetch(url, { method, headers, ...(isPost && { body: JSON.stringify(fields) }) }).catch(() => {
    throw new ConfigError(`no broker answers at ${url.host}: start it, or check ADMIN_HOST and ADMIN_PORT`)
  })
  const body = (await response.json().catch(() => ({}))) as { error?: { message: string } }
  if (response.status === 401 || response.status === 403)
    throw new ConfigError('the broker refuses: is SECRET the one it runs with, or OPERATOR_TOKEN an operator’s?')
  if (!response.ok) throw new ConfigError(body.error?.message ?? `the broker answers ${response.status}`)
  return body as Answer
}

const lineOf = ({ died_at, command, user, group, attempts, code, id, error }: Letter): string =>
  [died_at, command, user, group, `${attempts} attempts`, code, id, ...textOf(error)].join('  ')

const textOf = (error: ToldError | undefined): string[] =>
  error ? [`${error.name}: ${error.message}`.replaceAll(/\s+/g, ' ')] : []

/** Milliseconds between two requests for progress. */
const LOOK = 250

/** Waits until the replayed commands have ended, and prints how. @returns whether all have ended and none died again */
async function watch(config: Config, replay: string, timeoutMs: number, say: (text: string) => void): Promise<boolean> {
  const until = Date.now() + timeoutMs
  const count = { done: 0, refused: 0, dead: 0 }
  for (let after = 0; ;) {
    const { waiting, open, ended } = await ask<Progress>(config, 'GET', `/replays/${replay}`, { after })
    for (const { outcome, code, error, id, command, user, group } of ended) {
      count[outcome]++
      const what = outcome === 'dead' ? 'dead again' : outcome
      say([what, command, user, group, ...(code === undefined ? [] : [code]), id, ...textOf(error)].join('  '))
    }
    after += ended.length
    if (ended.length === 0 && (waiting === 0 || Date.now() >= until)) {
      for (const { id, command, user, group } of open) say(['still waiting', command, user, group, id].join('  '))
      const more = waiting > 0 ? `, ${waiting} still waiting after ${timeoutMs / 1000} s` : ''
      say(`${count.done} done, ${count.refused} refused, ${count.dead} dead again${more}`)
      return waiting === 0 && count.dead === 0
    }
    if (ended.length === 0) await pause(LOOK)
  }
}

/**
 * Does what `npm run dead` is told to: lists, shows, replays and drops dead letters, through the running broker's admin port.
 * @param say gets each line of the output
 * @returns false when a replayed command died again, still waits, or was not replayed
 * @throws {Error} about wrong arguments, or what the broker refuses
 */
export async function runDead(args: string[], config: () => Config, say: (text: string) => void): Promise<boolean> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      id: { type: 'string' },
      command: { type: 'string' },
      user: { type: 'string' },
      group: { type: 'string' },
      since: { type: 'string' },
      until: { type: 'string' },
      all: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      limit: { type: 'string', default: '100' },
      timeout: { type: 'string', default: '60' },
      'no-wait': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const { all, 'dry-run': dryRun, 'no-wait': noWait, limit, timeout, help, since, until, ...exact } = values
  const [what, id, ...rest] = positionals
  if (help) {
    say(USAGE.trimEnd())
    return true
  }
  const filter = {
    ...exact,
    ...(since !== undefined && { since: timeIn('since', since) }),
    ...(until !== undefined && { until: timeIn('until', until) }),
  }
  if (!/^\d{1,6}$/.test(timeout)) throw new ConfigError(`--timeout: ${timeout} is not a number of seconds`)
  const broker = config()
  const list = (more: object): Promise<{ count: number; letters: Letter[] }> =>
    ask(broker, 'GET', '', { ...filter, ...more })

  if (what === 'show' && id !== undefined && rest.length === 0) {
    const group = exact.group === undefined ? {} : { group: exact.group }
    const { letters } = await ask<{ letters: Letter[] }>(broker, 'GET', '/show', { id, ...group })
    for (const letter of letters) say(JSON.stringify(letter, undefined, 2))
    return true
  }
  if (what === 'list' && id === undefined) {
    const { count, letters } = await list({ limit })
    for (const letter of letters) say(lineOf(letter))
    const shown = count > letters.length ? `, ${letters.length} shown` : ''
    say(`${count} dead ${count === 1 ? 'letter' : 'letters'}${shown}`)
    return true
  }
  if ((what !== 'replay' && what !== 'drop') || id !== undefined) throw new ConfigError(USAGE.trimEnd())
  if (!all && Object.keys(filter).length === 0) throw new ConfigError(`${what} needs a filter, or --all`)
  const done = what === 'replay' ? 'replayed' : 'dropped'
  if (dryRun) {
    const { count, letters } = await list({ limit: 1_000 }) // the API's own dry run names fewer
    for (const letter of letters) say(lineOf(letter))
    say(`${count} would be ${done}; nothing was changed`)
    return true
  }
  const { count, replay, open = [], left = 0 } = await ask<Dealt>(broker, 'POST', `/${what}`, { ...filter, all })
  say(`${count} ${done}`)
  for (const { id, command, user, group } of open) say(['not replayed', command, user, group, id].join('  '))
  if (left > 0) say(`${left} not replayed: a command of the same id has not ended; when it has, replay or drop them`)
  if (noWait || replay === undefined || count === 0) return left === 0
  return (await watch(broker, replay, Number(timeout) * 1_000, say)) && left === 0
}
