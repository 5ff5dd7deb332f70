import type { Closable } from '../shared/shutdown.ts'
import type { Catalogue } from '../shared/wire/catalogue.ts'
import { Refusal } from '../shared/wire/refusal.ts'
import type { UserId } from '../shared/wire/user-id.ts'
import type { Events, TimedEvent } from './events.ts'
import type { Storage, Table, Unit } from './storage/storage.ts'

/** Milliseconds after which a live event is of no use. */
export const LIVE_TTL = 60_000
/** Milliseconds beside the pace, for what happens between this process and the receiver. */
const MARGIN = 20
const TRY_AGAIN = 500

/** One event to one user, that waits for its turn. */
interface Waiting {
  user: UserId
  event: TimedEvent
  /** When it was caused, in milliseconds since 1970. */
  at: number
  /** Its command was stored, and so it is. */
  kept: boolean
}

/** What is on its way to one user under one name. */
interface Line {
  /** In their order: what waits, and what is only planned, until its unit is stored. */
  readonly waiting: { one: Waiting; key: number | undefined }[]
  planned: number
  /** One is being let out, or was less than the pace ago. */
  isBusy: boolean
  timer?: NodeJS.Timeout
}

export interface LivePorts {
  storage: Storage
  events: () => Events
  isThere(user: UserId): boolean
  /** Of one user, at most. */
  maxWaiting: number
}

/** What a plan does when its unit is built: lets out what can go now, and keeps the rest for its turn. */
export interface Plan {
  commit(unit: Unit): void
  /** Nobody gets it, and why. */
  refusal?: Refusal
}

/**
 * Events for those who are connected: at most one in a while to each user, in order, a bounded number of them waiting. Those of
 * stored commands survive this process.
 */
export class LiveEvents implements Closable {
  readonly #ports: LivePorts
  readonly #table: Table<Waiting>
  /** Event name to milliseconds between two. */
  readonly #pace = new Map<string, number>()
  readonly #lines = new Map<string, Line>()
  #lastKey = 0
  #isClosed = false

  constructor(ports: LivePorts) {
    this.#ports = ports
    this.#table = ports.storage.table<Waiting>('live')
    for (const { key } of this.#table.entries()) this.#lastKey = Number(key)
  }

  declare(catalogue: Catalogue): void {
    for (const { live = {} } of Object.values(catalogue)) {
      for (const [event, everyMs] of Object.entries(live)) this.#pace.set(event, everyMs)
    }
  }

  /** Takes up what waited when the last broker ended. */
  resume(): void {
    for (const { key, value } of this.#table.entries()) {
      const line = this.#line(value.user, value.event.event)
      line.waiting.push({ one: value, key: Number(key) })
      this.#next(line, value.event.event)
    }
  }

  isLive(event: string): boolean {
    return this.#pace.has(event)
  }

  /** Decides to whom an event goes and when. `stored`: it must not be lost with this process. */
  plan(event: TimedEvent, stored: boolean): Plan {
    const { maxWaiting } = this.#ports
    const there = [event.to].flat().filter((user) => this.#ports.isThere(user))
    if (this.#pace.get(event.event) === 0) {
      const keeping = { kept: stored, expiresAt: Date.now() + LIVE_TTL }
      return { commit: (unit) => this.#ports.events().emitLive(unit, { ...event, to: there }, keeping) }
    }
    if (there.length === 0) return { commit: () => {}, refusal: new Refusal('offline') }
    const taken = there.filter((user) => {
      const line = this.#lines.get(lineKey(user, event.event))
      return !line || line.waiting.length + line.planned < maxWaiting
    })
    if (taken.length > 0) {
      return { commit: (unit) => taken.forEach((user) => this.#take(unit, { ...event, to: user }, user, stored)) }
    }
    const retryAfterMs = maxWaiting * this.#pace.get(event.event)!
    return { commit: () => {}, refusal: new Refusal('rate_limited', { retryAfterMs }) }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const { timer } of this.#lines.values()) clearTimeout(timer)
  }

  #line(user: UserId, event: string): Line {
    const key = lineKey(user, event)
    let line = this.#lines.get(key)
    if (!line) this.#lines.set(key, (line = { waiting: [], planned: 0, isBusy: false }))
    return line
  }

  #take(unit: Unit, event: TimedEvent, user: UserId, stored: boolean): void {
    const line = this.#line(user, event.event)
    const one: Waiting = { user, event, at: Date.now(), kept: stored }
    if (!line.isBusy && line.waiting.length + line.planned === 0) return this.#letOut(unit, line, one)
    const key = stored ? ++this.#lastKey : undefined
    line.planned++
    if (key !== undefined) unit.put(this.#table, key, one)
    unit.afterwards(() => {
      line.planned--
      line.waiting.push({ one, key })
      this.#next(line, event.event)
    })
    unit.otherwise(() => void line.planned--)
  }

  #letOut(unit: Unit, line: Line, { event, user, at, kept }: Waiting): void {
    line.isBusy = true
    this.#ports.events().emitLive(unit, event, { kept, expiresAt: at + LIVE_TTL })
    unit.afterwards(() => {
      line.timer = setTimeout(
        () => {
          line.isBusy = false
          if (line.waiting.length + line.planned === 0) this.#lines.delete(lineKey(user, event.event))
          else this.#next(line, event.event)
        },
        this.#pace.get(event.event)! + MARGIN,
      )
    })
    unit.otherwise(() => void (line.isBusy = false))
  }

  /** Lets out the first that waits, when it is time. */
  #next(line: Line, event: string): void {
    const first = line.waiting[0]
    if (line.isBusy || !first || this.#isClosed) return
    line.waiting.shift()
    this.#ports.storage
      .commit((unit) => {
        if (first.key !== undefined) unit.remove(this.#table, first.key)
        if (first.one.at + LIVE_TTL > Date.now()) this.#letOut(unit, line, first.one)
      })
      .then(
        () => this.#next(line, event),
        () => {
          line.waiting.unshift(first)
          line.timer = setTimeout(() => this.#next(line, event), TRY_AGAIN)
        },
      )
  }
}

function lineKey(user: UserId, event: string): string {
  return `${user}_${event}`
}
