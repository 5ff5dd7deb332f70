import type { UserId } from '../../../shared/wire/user-id.ts'
import type { ToldError } from '../../../shared/wire/told-error.ts'
import { Oldest } from '../../../shared/oldest.ts'
import type { Command } from '../../seam/session.ts'
import type { Fullness } from '../../metrics/fullness.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import { sizeOf } from './size.ts'

/** A command whose last attempt in one group failed. */
export interface DeadLetter {
  readonly command: Command
  readonly group: string
  readonly attempts: number
  readonly code: string
  /** Why the last attempt failed; letters of older versions have none. */
  readonly error?: ToldError | undefined
  /** When it died, in milliseconds since 1970. */
  readonly at: number
}

/** Selects dead letters; a field that is not given matches any. Times are in milliseconds since 1970. */
export interface DeadFilter {
  id?: string | undefined
  command?: string | undefined
  user?: string | undefined
  group?: string | undefined
  since?: number | undefined
  until?: number | undefined
  /** Only letters behind this one, by its `place`. */
  after?: string | undefined
}

export type DeadLetters = ReturnType<typeof openDeadLetters>

interface Bounds {
  readonly letters: number
  readonly bytes: number
}

/** The part of a letter that memory holds. */
interface Held {
  readonly key: string
  /** Its command's id. */
  readonly id: string
  readonly user: UserId
  readonly bytes: number
}

/** One user's letters, the oldest first. */
interface Own {
  bytes: number
  readonly letters: Map<string, Held>
}

/** One user may have 1/SHARE of what all users may have. */
const SHARE = 10
/** Bytes of a letter besides its command. */
const PER_LETTER = 400

/**
 * The dead letters, oldest first. A user with more than a tenth of the bounds loses their own oldest letter, so that a user whose
 * commands all die does not push out others' letters. Beyond the bounds the oldest of all is dropped.
 * @param dropped is called with the command id of a letter that was dropped
 */
export function openDeadLetters(storage: Storage, bounds: Bounds, dropped: (id: string) => void) {
  const table = storage.table<DeadLetter>('dead')
  /** By key: the command's order and the group. */
  const all = new Map<string, Held>()
  const oldest = new Oldest(all)
  const users = new Map<UserId, Own>()
  let bytes = 0
  for (const { value } of table.entries()) hold(heldOf(value))

  function hold(held: Held): void {
    all.set(held.key, held)
    let own = users.get(held.user)
    if (!own) users.set(held.user, (own = { bytes: 0, letters: new Map() }))
    own.letters.set(held.key, held)
    own.bytes += held.bytes
    bytes += held.bytes
  }
  function release({ key, user, bytes: size }: Held): void {
    if (!all.delete(key)) return
    bytes -= size
    const own = users.get(user)!
    own.letters.delete(key)
    own.bytes -= size
    if (own.letters.size === 0) users.delete(user)
  }

  function remove(unit: Unit, letter: DeadLetter): void {
    unit.remove(table, placeOf(letter))
    unit.afterwards(() => release(heldOf(letter)))
  }
  function drop(unit: Unit, held: Held): void {
    release(held)
    unit.remove(table, held.key)
    unit.otherwise(() => hold(held))
    unit.afterwards(() => dropped(held.id))
  }

  return {
    get count() {
      return all.size
    },
    fullness(): Fullness {
      const part = Math.max(all.size / bounds.letters, bytes / bounds.bytes)
      return {
        kind: 'dead',
        what: 'dead letters',
        used: bytes,
        limit: bounds.bytes,
        part,
        beyond: 'the oldest are dropped',
      }
    },
    add(unit: Unit, letter: DeadLetter): void {
      const held = heldOf(letter)
      unit.put(table, held.key, letter)
      hold(held) // at once, so that letters of the same turn drop one each
      unit.otherwise(() => release(held))
      const own = users.get(held.user)!
      for (const [, first] of own.letters) {
        const isWithin = own.letters.size * SHARE <= bounds.letters && own.bytes * SHARE <= bounds.bytes
        if (isWithin || own.letters.size === 1) break
        drop(unit, first)
      }
      while (all.size > 1 && (all.size > bounds.letters || bytes > bounds.bytes)) drop(unit, oldest.entry![1])
    },
    remove,
    /** False once the letter was dropped or replayed. */
    has: (letter: DeadLetter): boolean => all.has(placeOf(letter)),
    *find(filter: DeadFilter): Generator<DeadLetter> {
      const { after } = filter
      for (const { key, value } of table.entries(after)) {
        if (key !== after && matches(value, filter)) yield value
      }
    },
  }
}

function heldOf(letter: DeadLetter): Held {
  const { id, user } = letter.command
  const error = letter.error ? JSON.stringify(letter.error).length : 0
  return { key: placeOf(letter), id, user, bytes: sizeOf(letter.command) + PER_LETTER + error }
}

/** The place of a letter among all. */
export function placeOf({ command, group }: DeadLetter): string {
  return `${command.order.toString().padStart(16, '0')} ${group}`
}

function matches({ command, group, at }: DeadLetter, filter: DeadFilter): boolean {
  return (
    (filter.id === undefined || filter.id === command.id || filter.id === command.re) &&
    (filter.command === undefined || filter.command === command.name) &&
    (filter.user === undefined || filter.user === command.user) &&
    (filter.group === undefined || filter.group === group) &&
    (filter.since === undefined || at >= filter.since) &&
    (filter.until === undefined || at < filter.until)
  )
}
