import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

// What the apps of a run have written down, and what is wrong with it.

/** How many messages of the user before it a user has heard, and what is wrong. */
export interface Book {
  violations: string[]
  /** Events that a process passed again because it was killed before it had noted them. */
  again: number
  /** `reset`s, after each of which so many messages were fetched. */
  resets: number[]
  /** Calls that were told as uncertain. */
  uncertain: number
}

interface Heard {
  from: string
  number: number
  /** The event's number, or `-` for a message that was fetched. */
  event: string
  message: string
  seq: number
}

export function bookOf(dir: string, user: string, from: string, messages: number): Book {
  const heard = heardBy(dir, user)
  const once = firsts(heard)
  const wanted = new Set(Array.from({ length: messages }, (_, i) => i))
  const violations = linesOf(dir, user, 'faults').map((line) => `${user}: ${line}`)
  const answered = new Set(linesOf(dir, user, 'answered')).size
  if (answered !== messages) violations.push(`${user}: ${answered} of ${messages} are answered`)
  const ids = new Map<number, string>()
  for (const { number, message, from: author } of once) {
    if (author !== from) violations.push(`${user} heard ${author}`)
    else if (ids.has(number))
      violations.push(`doubled: ${from} to ${user}, ${number}: ${ids.get(number)} and ${message}`)
    ids.set(number, message)
    wanted.delete(number)
  }
  if (wanted.size > 0)
    violations.push(`lost: ${wanted.size} from ${from} to ${user}: ${[...wanted].slice(0, 20).join(' ')}`)
  const back = once.findIndex(({ seq }, i) => i > 0 && seq <= once[i - 1]!.seq)
  if (back > 0) {
    const near = once
      .slice(Math.max(0, back - 3), back + 3)
      .map(({ seq, number, event }) => `${seq} (${number}, event ${event})`)
    violations.push(`out of order: what ${user} heard: ${near.join(', ')}`)
  }
  return {
    violations,
    again: heard.length - once.length,
    resets: linesOf(dir, user, 'resets').map((line) => parseInt(line, 10)),
    uncertain: linesOf(dir, user, 'uncertain').length,
  }
}

export const answeredBy = (dir: string, user: string): number => linesOf(dir, user, 'answered').length
/** Messages that it has heard, each counted once. */
export const hasHeard = (dir: string, user: string): number => firsts(heardBy(dir, user)).length

/** One who is killed after the app has heard an event and before that is noted passes it again: the same event, by its number. */
function firsts(heard: readonly Heard[]): Heard[] {
  const events = new Set<string>()
  return heard.filter(({ event }) => event === '-' || (!events.has(event) && events.add(event)))
}

function heardBy(dir: string, user: string): Heard[] {
  return linesOf(dir, user, 'heard').map((line) => {
    const [from = '', number, event = '', message = '', seq] = line.split(' ')
    return { from, number: Number(number), event, message, seq: Number(seq) }
  })
}

function linesOf(dir: string, user: string, name: string): string[] {
  const file = join(dir, `${user}.${name}`)
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
}
