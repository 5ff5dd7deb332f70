import type { Events } from './contract.ts'

/** An event as it comes from the broker. */
export interface Incoming {
  event: string
  event_seq?: number
  re?: string
  at: string
  [field: string]: unknown
}

/** The last event that was passed to the app, and the broker's data by which it is counted. */
export interface Position {
  epoch: string
  since: number
}

export interface InboxPorts {
  /** Asks `sync_events`; rejects when the connection is lost. */
  sync(after: Partial<Position>): Promise<Events['events_synced'] & { at: string }>
  /** Passes an event to the app. `then` when the app is done with it. */
  pass(event: Incoming, then?: () => void): void
  /** The app is so slow that no more should be passed: the broker keeps it. */
  readonly isFull: boolean
  /** Resolves when the app has caught up. */
  room(): Promise<void>
  /** An event without a number was dropped, since the app is too slow for it. */
  dropped(event: Incoming): void
  /** Tells the app that events are missing for good. */
  reset(then: () => void): void
  /** The app is done with everything up to here. */
  reached(position: Position): void
}

/** Events without a number that may come again after a short break: as many as may be without a PUBACK. */
const RECENT = 128
/** Events that wait while others before them are being fetched; what comes beyond is fetched too. */
const MAX_BEHIND = 500

/**
 * Passes each event once, in the order of their numbers, and fetches what is missing. What comes while the app is too slow is dropped
 * here, and fetched when there is room: memory stays bounded, and answers are not held up.
 */
export class Inbox {
  readonly #ports: InboxPorts
  readonly #recent = new Set<string>()
  #epoch: string | undefined
  #since = 0
  /** What came while others before it are being fetched; undefined when none are. */
  #behind: Incoming[] | undefined = []
  /** Some that came meanwhile were dropped, and must be fetched too. */
  #isCut = false

  constructor(ports: InboxPorts) {
    this.#ports = ports
  }

  /** Goes on from where an earlier process was. */
  restore({ epoch, since }: Position): void {
    this.#epoch = epoch
    this.#since = since
  }

  /** Forgets where it was: another user has logged in. */
  clear(): void {
    this.#epoch = undefined
    this.#since = 0
  }

  receive(event: Incoming, text: string, isDup: boolean): void {
    if (event.event_seq === undefined) return this.#receiveUnnumbered(event, text, isDup)
    if (this.#behind) this.#waits(event, this.#behind)
    else if (event.event_seq <= this.#since)
      return // it has been passed
    else if (this.#ports.isFull)
      void this.#fetch([event]).catch(() => {}) // the next connection tries again
    else if (event.event_seq === this.#since + 1) this.#take(event)
    else void this.#fetch([], event).catch(() => {}) // the same
  }

  /** The connection is lost: what comes from now on waits for the next catching up. */
  disconnected(): void {
    this.#behind = []
    this.#isCut = false
  }

  /**
   * Fetches everything after the last event. What comes meanwhile waits.
   * @param first is called after the first page, which tells whether nothing is missing
   */
  catchUp(first: (page: { recovered: boolean; at: string }) => void): Promise<void> {
    return this.#fetch(this.#behind ?? [], undefined, first)
  }

  /**
   * @param after the event that showed a gap before it. What is then still missing before it has a number, but is not told to this
   *   client, which may not read it. No number is skipped without such an event: one that is being stored would be lost.
   */
  async #fetch(
    behind: Incoming[],
    after?: Incoming,
    first?: (page: { recovered: boolean; at: string }) => void,
  ): Promise<void> {
    this.#behind = behind
    for (let isFirst = true, more = true; more; isFirst = false) {
      if (!isFirst || !first) await this.#ports.room() // calls wait for the first page: not for a listener, which may wait for a call
      if (this.#behind !== behind) return // disconnected, and perhaps connected again
      if (this.#isCut) behind.length = 0 // they are among what is fetched
      this.#isCut = false
      const page = await this.#ports.sync(this.#epoch === undefined ? {} : { epoch: this.#epoch, since: this.#since })
      if (this.#behind !== behind) return
      const isTaken = !page.recovered || !this.#ports.isFull
      if (!page.recovered) this.#reset(page)
      else if (isTaken) for (const event of page.events) this.#take(event)
      more = (page.recovered && page.more) || !isTaken || this.#isCut
      if (isFirst) first?.(page)
    }
    this.#behind = undefined
    if (after) this.#take(after)
    for (const event of behind) this.receive(event, '', false)
  }

  #waits(event: Incoming, behind: Incoming[]): void {
    if (behind.length < MAX_BEHIND) behind.push(event)
    else this.#isCut = true
  }

  #reset({ epoch, last }: Events['events_synced']): void {
    this.#epoch = epoch
    this.#since = last
    this.#ports.reset(() => this.#ports.reached({ epoch, since: last }))
  }

  #take(event: Incoming): void {
    const since = event.event_seq!
    if (since <= this.#since) return // it has been passed
    this.#since = since
    const epoch = this.#epoch!
    this.#ports.pass(event, () => this.#ports.reached({ epoch, since }))
  }

  #receiveUnnumbered(event: Incoming, text: string, isDup: boolean): void {
    if (isDup && this.#recent.has(text)) return // its PUBACK was lost
    this.#recent.add(text)
    if (this.#recent.size > RECENT) this.#recent.delete(this.#recent.values().next().value!)
    if (this.#ports.isFull) this.#ports.dropped(event)
    else this.#ports.pass(event)
  }
}
