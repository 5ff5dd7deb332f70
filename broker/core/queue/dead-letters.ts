import type { ToldError } from '../../../shared/wire/told-error.ts'
import { Oldest } from '../../../shared/oldest.ts'
import type { Command } from '../../seam/session.ts'
import type { Storage, Unit } from '../../storage/storage.ts'

/** A command whose last attempt in one group failed. */
export interface DeadLetter {
  readonly command: Command
  readonly group: string
  readonly attempts: number
  readonly code: string
  /** What the last attempt failed of; letters of older versions have none. */
  readonly error?: ToldError | undefined
  /** When it died, in milliseconds since 1970. */
  readonly at: number
}

/** Which dead letters are meant; what is not given is any. Times are in milliseconds since 1970. */
export interface DeadFilter {
  id?: string | undefined
  command?: string | undefined
  user?: string | undefined
  group?: string | undefined
  since?: number | undefined
  until?: number | undefined
}

export type DeadLetters = ReturnType<typeof openDeadLetters>

/** The dead letters, oldest first. Beyond `max` the oldest is dropped, and `dropped` told its command's id. */
export function openDeadLetters(storage: Storage, max: number, dropped: (id: string) => void) {
  const table = storage.table<DeadLetter>('dead')
  /** Their keys, oldest first: by the order of their commands, and by group where several groups failed. Of each its command's id. */
  const keys = new Map<string, string>()
  for (const { key, value } of table.entries()) keys.set(String(key), value.command.id)
  const oldest = new Oldest(keys)

  function remove(unit: Unit, letter: DeadLetter): void {
    unit.remove(table, keyOf(letter))
    unit.afterwards(() => void keys.delete(keyOf(letter)))
  }

  return {
    get count() {
      return keys.size
    },
    add(unit: Unit, letter: DeadLetter): void {
      const key = keyOf(letter)
      unit.put(table, key, letter)
      keys.set(key, letter.command.id) // at once, so that those that die in the same turn drop one each
      unit.otherwise(() => void keys.delete(key))
      if (keys.size <= max) return
      const [first, id] = oldest.entry!
      keys.delete(first)
      unit.remove(table, first)
      unit.otherwise(() => void keys.set(first, id))
      unit.afterwards(() => dropped(id))
    },
    remove,
    /** Is it still one? */
    has: (letter: DeadLetter): boolean => keys.has(keyOf(letter)),
    *find(filter: DeadFilter): Generator<DeadLetter> {
      for (const { value } of table.entries()) if (matches(value, filter)) yield value
    },
  }
}

function keyOf({ command, group }: DeadLetter): string {
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
