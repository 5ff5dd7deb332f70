import type { Catalogue } from '../../../shared/wire/catalogue.ts'
import { isoNow } from '../../../shared/wire/time.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Unit } from '../../storage/storage.ts'
import type { Later } from '../later.ts'
import { FixedWindow } from '../limits/fixed-window.ts'
import type { TimedEvent } from './events.ts'

/** Milliseconds in which a user is woken at most MAX_WAKES times. The phone is awake by then, and finds the rest in the inbox. */
const WINDOW = 60_000
const MAX_WAKES = 20
/** Beyond so many commands that are scheduled, nobody else is woken. */
const MAX_SCHEDULED = 20_000
/** Longest text that is handed on. */
const MAX_TEXT = 256

export interface WakePorts {
  later: () => Later
  /** Is one of the user's devices connected? */
  isThere(user: UserId): boolean
  /** The internal commands that wake a device. */
  takers(): readonly string[]
}

/**
 * Has sleeping devices woken: when an event that is declared so is kept for a user none of whose devices is connected, the internal
 * commands declared with `push` are sent in that user's name. They are stored in the unit of the event, so neither is without the
 * other.
 */
export class Wakes {
  readonly #ports: WakePorts
  /** Event name to the fields that are handed on. */
  readonly #fields = new Map<string, readonly string[]>()
  readonly #counts = new FixedWindow(WINDOW)

  constructor(ports: WakePorts) {
    this.#ports = ports
  }

  declare(catalogue: Catalogue): void {
    for (const { wakes = {} } of Object.values(catalogue)) {
      for (const [event, fields] of Object.entries(wakes)) this.#fields.set(event, fields)
    }
  }

  /** @param by the user whose command caused the event, who need not hear of it */
  add(unit: Unit, event: TimedEvent & { numbers: readonly number[] }, by: UserId): void {
    const names = this.#fields.get(event.event)
    if (!names) return
    const takers = this.#ports.takers()
    if (takers.length === 0) return
    const later = this.#ports.later()
    const fields = Object.fromEntries(
      names.flatMap((name) => (isSmall(event.fields[name]) ? [[name, event.fields[name]]] : [])),
    )
    for (const [i, user] of [...new Set([event.to].flat())].entries()) {
      if (user === by || this.#ports.isThere(user) || later.size >= MAX_SCHEDULED) continue
      if (this.#counts.add(user, 1).count > MAX_WAKES) continue
      const input = { event: event.event, event_seq: event.numbers[i], sent_at: event.at ?? isoNow(), fields }
      later.add(
        unit,
        user,
        takers.map((command) => ({ after_ms: 0, command, input })),
        true,
      )
    }
  }
}

function isSmall(value: unknown): boolean {
  if (typeof value === 'string') return value.length <= MAX_TEXT
  return typeof value === 'number' || typeof value === 'boolean'
}
