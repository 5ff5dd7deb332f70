import type { Closable } from '../../../shared/shutdown.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { TimedEvent } from './events.ts'
import type { Storage, Unit } from '../../storage/storage.ts'

interface Waiting {
  event: TimedEvent
  stored: boolean
}

/** Events about one subject: who has just received one, and what waits for whom until the interval is over. */
interface Line {
  told: Set<UserId>
  readonly waiting: Map<UserId, Waiting>
  timer: NodeJS.Timeout
}

export interface LatestPorts {
  storage: Storage
  isThere(user: UserId): boolean
  emit(unit: Unit, event: TimedEvent, stored: boolean): void
}

/**
 * Events of which only the latest counts, such as presence or typing: each receiver gets at most one per interval about the same
 * user. One that comes sooner waits and replaces the one that waited before.
 */
export class LatestEvents implements Closable {
  readonly #ports: LatestPorts
  readonly #lines = new Map<string, Line>()

  constructor(ports: LatestPorts) {
    this.#ports = ports
  }

  /** @param about the subject: the kind of event and the user whom it is about */
  send(unit: Unit, about: string, everyMs: number, event: TimedEvent, to: readonly UserId[], stored: boolean): void {
    const told = this.#lines.get(about)?.told
    const now = to.filter((user) => !told?.has(user))
    const others = to.filter((user) => told?.has(user))
    if (now.length > 0) {
      const { told } = this.#line(about, everyMs)
      for (const user of now) told.add(user)
      unit.otherwise(() => now.forEach((user) => told.delete(user)))
      // An older event that is still waiting must not go out after this one.
      unit.afterwards(() => now.forEach((user) => this.#lines.get(about)?.waiting.delete(user)))
      this.#ports.emit(unit, { ...event, to: now }, stored)
    }
    if (others.length === 0) return
    unit.afterwards(() => {
      const { waiting } = this.#line(about, everyMs)
      const one: Waiting = { event, stored }
      for (const user of others) waiting.set(user, one)
    })
  }

  async close(): Promise<void> {
    for (const { timer } of this.#lines.values()) clearTimeout(timer)
  }

  #line(about: string, everyMs: number): Line {
    let line = this.#lines.get(about)
    if (line) return line
    const timer = setTimeout(() => this.#turn(about, everyMs), everyMs)
    this.#lines.set(about, (line = { told: new Set(), waiting: new Map(), timer }))
    return line
  }

  /** The interval is over: what waits goes out, and a new interval begins. */
  #turn(about: string, everyMs: number): void {
    const { waiting } = this.#lines.get(about)!
    this.#lines.delete(about)
    const due = new Map<Waiting, UserId[]>()
    for (const [user, one] of waiting) {
      if (!this.#ports.isThere(user)) continue
      const users = due.get(one)
      if (users) users.push(user)
      else due.set(one, [user])
    }
    if (due.size === 0) return
    const { told } = this.#line(about, everyMs)
    for (const users of due.values()) for (const user of users) told.add(user)
    this.#ports.storage
      .commit((unit) => {
        for (const [{ event, stored }, to] of due) this.#ports.emit(unit, { ...event, to }, stored)
      })
      .catch(() => {}) // the storage has logged it; the next event makes up for it
  }
}
