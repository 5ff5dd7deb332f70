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
  /** Tells the app that events are missing for good. */
  reset(then: () => void): void
  /** The app is done with everything up to here. */
  reached(position: Position): void
}

/** Events without a number that may come again after a short break: as many as may be without a PUBACK. */
const RECENT = 128

/** Passes each event once, in the order of their numbers, and fetches what is missing. */
export class Inbox {
  readonly #ports: InboxPorts
  readonly #recent = new Set<string>()
  #epoch: string | undefined
  #since = 0
  /** What came while others before it are being fetched; undefined when none are. */
  #behind: Incoming[] | undefined = []

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
    if (this.#behind) this.#behind.push(event)
    else if (event.event_seq <= this.#since + 1) this.#take(event)
    else void this.#fetch([], event).catch(() => {}) // the next connection tries again
  }

  /** The connection is lost: what comes from now on waits for the next catching up. */
  disconnected(): void {
    this.#behind = []
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
      const page = await this.#ports.sync(this.#epoch === undefined ? {} : { epoch: this.#epoch, since: this.#since })
      if (this.#behind !== behind) return // disconnected, and connected again
      if (page.recovered) for (const event of page.events) this.#take(event)
      else this.#reset(page)
      more = page.recovered && page.more
      if (isFirst) first?.(page)
    }
    this.#behind = undefined
    if (after) this.#take(after)
    for (const event of behind) this.receive(event, '', false)
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
    this.#ports.pass(event)
  }
}
