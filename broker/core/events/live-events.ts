import type { Closable } from '../../../shared/shutdown.ts'
import type { Catalogue } from '../../../shared/wire/catalogue.ts'
import { Refusal } from '../../../shared/wire/refusal.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Events, TimedEvent } from './events.ts'
import type { Fullness } from '../../metrics/fullness.ts'
import { FairQueue } from './fair-queue.ts'
import { LatestEvents } from './latest-events.ts'
import { steady } from '../../../shared/steady.ts'
import type { Storage, Table, Unit } from '../../storage/storage.ts'

/** Milliseconds after which a live event is dropped. */
export const LIVE_TTL = 60_000
/** Milliseconds added to the pace, for delays between this process and the receiver. */
const MARGIN = 20
const TRY_AGAIN = 500
/** One sender may use 1/SHARE of the bytes that may wait. */
const SHARE = 16
/** Bytes of a waiting event besides its fields. */
const PER_EVENT = 400

/** How often an event may go to one user; `latest`: the subject of which only the latest event counts. */
type Pace = NonNullable<Catalogue[string]['live']>[string]

/** An event that waits for its turn to one user. */
interface Waiting {
  user: UserId
  /** The user whose command caused it. */
  from?: UserId
  event: TimedEvent
  /** When it was caused, by `steady`. */
  at: number
  /** The event is stored, since its command was. */
  kept: boolean
  /** Its size while it waits. */
  bytes?: number
}

/** The events of one name to one user. */
interface Line {
  /** Events that wait, and places reserved for those whose unit is being stored. */
  readonly queue: FairQueue<{ one: Waiting; key: number | undefined }>
  /** An event is going out, or went out within the last interval. */
  isBusy: boolean
  timer?: NodeJS.Timeout
}

export interface LivePorts {
  storage: Storage
  events: () => Pick<Events, 'emitLive'>
  isThere(user: UserId): boolean
  /** Waiting events of one sender for one user, at most. */
  maxWaiting: number
  /** Bytes of all waiting events, at most. */
  maxBytes: number
}

/** Committing a plan sends what can go now and queues the rest. */
export interface Plan {
  commit(unit: Unit): void
  /** Set when nobody receives the event: why. */
  refusal?: Refusal
}

/**
 * Events for connected users, such as signals of calls: at most one per interval goes to each user, and a bounded number waits.
 * Senders take turns, so that none keeps the others from the receiver; one sender's events stay in order. Events of stored
 * commands survive a restart.
 */
export class LiveEvents implements Closable {
  readonly #ports: LivePorts
  readonly #table: Table<Waiting>
  /** By event name. */
  readonly #pace = new Map<string, Pace>()
  readonly #latest: LatestEvents
  readonly #lines = new Map<string, Line>()
  /** Bytes of waiting events, in total and by sender. */
  #bytes = 0
  readonly #senders = new Map<string, number>()
  #lastKey = 0
  #isClosed = false

  constructor(ports: LivePorts) {
    this.#ports = ports
    this.#table = ports.storage.table<Waiting>('live')
    for (const { key } of this.#table.entries()) this.#lastKey = Number(key)
    const emit = (unit: Unit, event: TimedEvent, kept: boolean): void =>
      ports.events().emitLive(unit, event, { kept, expiresAt: steady() + LIVE_TTL })
    this.#latest = new LatestEvents({ storage: ports.storage, isThere: (user) => ports.isThere(user), emit })
  }

  declare(catalogue: Catalogue): void {
    for (const { live = {} } of Object.values(catalogue)) {
      for (const [event, pace] of Object.entries(live)) this.#pace.set(event, pace)
    }
  }

  /** Resumes the events that waited when the last broker ended. */
  resume(): void {
    for (const { key, value } of this.#table.entries()) {
      const line = this.#line(value.user, value.event.event)
      const at = Math.min(value.at, steady()) // in case the clock was set back
      const bytes = sizeOf(value.event)
      this.#count(value.from, bytes)
      line.queue.push(value.from ?? '', { one: { ...value, at, bytes }, key: Number(key) })
      this.#next(line, value.event.event)
    }
  }

  isLive(event: string): boolean {
    return this.#pace.has(event)
  }

  /**
   * Decides who receives an event, and when.
   * @param from the user whose command caused it
   * @param stored whether the event must survive a restart
   */
  plan(event: TimedEvent, from: UserId, stored: boolean): Plan {
    const { maxWaiting } = this.#ports
    const { everyMs, latest } = this.#pace.get(event.event)!
    const there = [event.to].flat().filter((user) => this.#ports.isThere(user))
    if (latest !== undefined) {
      const about = `${latest} ${String(event.fields['user_id'])}`
      return { commit: (unit) => this.#latest.send(unit, about, everyMs, event, there, stored) }
    }
    if (everyMs === 0) {
      const keeping = { kept: stored, expiresAt: steady() + LIVE_TTL }
      return { commit: (unit) => this.#ports.events().emitLive(unit, { ...event, to: there }, keeping) }
    }
    if (there.length === 0) return { commit: () => {}, refusal: new Refusal('offline') }
    const taken: UserId[] = []
    for (const user of there) if (this.#hasRoom(user, event, from, taken.length)) taken.push(user)
    if (taken.length > 0) {
      return {
        commit: (unit) => taken.forEach((user) => this.#enqueue(unit, { ...event, to: user }, user, from, stored)),
      }
    }
    return { commit: () => {}, refusal: new Refusal('rate_limited', { retryAfterMs: maxWaiting * everyMs }) }
  }

  /**
   * True when one more event may wait: within the sender's share of bytes, up to `maxWaiting` events; but only one per sender once
   * more wait than can go out within LIVE_TTL.
   * @param before receivers of the same event that have room already
   */
  #hasRoom(user: UserId, event: TimedEvent, from: UserId, before: number): boolean {
    const queue = this.#lines.get(lineKey(user, event.event))?.queue
    if (!queue) return true
    const { maxBytes } = this.#ports
    const bytes = sizeOf(event) * (before + 1)
    if (this.#bytes + bytes > maxBytes || ((this.#senders.get(from) ?? 0) + bytes) * SHARE > maxBytes) return false
    const inTime = Math.floor(LIVE_TTL / (this.#pace.get(event.event)!.everyMs + MARGIN))
    const held = queue.countOf(from)
    return held === 0 || (held < this.#ports.maxWaiting && queue.length < inTime)
  }

  fullness(): Fullness {
    const { maxBytes: limit } = this.#ports
    return {
      kind: 'live',
      what: 'waiting signals',
      used: this.#bytes,
      limit,
      beyond: 'they are refused (rate_limited)',
    }
  }

  #count(from: string = '', bytes: number): void {
    this.#bytes += bytes
    const left = (this.#senders.get(from) ?? 0) + bytes
    if (left > 0) this.#senders.set(from, left)
    else this.#senders.delete(from)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const { timer } of this.#lines.values()) clearTimeout(timer)
    await this.#latest.close()
  }

  #line(user: UserId, event: string): Line {
    const key = lineKey(user, event)
    let line = this.#lines.get(key)
    if (!line) this.#lines.set(key, (line = { queue: new FairQueue(), isBusy: false }))
    return line
  }

  #enqueue(unit: Unit, event: TimedEvent, user: UserId, from: UserId, stored: boolean): void {
    const line = this.#line(user, event.event)
    const one: Waiting = { user, from, event, at: steady(), kept: stored }
    if (!line.isBusy && line.queue.length === 0) return this.#sendNow(unit, line, one)
    const bytes = (one.bytes = sizeOf(event))
    this.#count(from, bytes)
    unit.otherwise(() => this.#count(from, -bytes))
    const key = stored ? ++this.#lastKey : undefined
    line.queue.reserve(from)
    if (key !== undefined) unit.put(this.#table, key, one)
    unit.afterwards(() => {
      line.queue.release(from)
      line.queue.push(from, { one, key })
      this.#next(line, event.event)
    })
    unit.otherwise(() => line.queue.release(from))
  }

  #sendNow(unit: Unit, line: Line, { event, user, at, kept }: Waiting): void {
    line.isBusy = true
    this.#ports.events().emitLive(unit, event, { kept, expiresAt: at + LIVE_TTL })
    unit.afterwards(() => {
      line.timer = setTimeout(
        () => {
          line.isBusy = false
          if (line.queue.length === 0) this.#lines.delete(lineKey(user, event.event))
          else this.#next(line, event.event)
        },
        this.#pace.get(event.event)!.everyMs + MARGIN,
      )
    })
    unit.otherwise(() => void (line.isBusy = false))
  }

  /** Sends the first waiting event, if the interval is over. */
  #next(line: Line, event: string): void {
    if (line.isBusy || this.#isClosed) return
    const first = line.queue.shift()
    if (!first) return
    this.#ports.storage
      .commit((unit) => {
        if (first.key !== undefined) unit.remove(this.#table, first.key)
        if (first.one.at + LIVE_TTL > steady()) this.#sendNow(unit, line, first.one)
      })
      .then(
        () => {
          this.#count(first.one.from, -(first.one.bytes ?? 0))
          this.#next(line, event)
        },
        () => {
          line.queue.unshift(first.one.from ?? '', first)
          line.timer = setTimeout(() => this.#next(line, event), TRY_AGAIN)
        },
      )
  }
}

function sizeOf({ fields }: TimedEvent): number {
  return PER_EVENT + JSON.stringify(fields).length
}

function lineKey(user: UserId, event: string): string {
  return `${user}_${event}`
}
