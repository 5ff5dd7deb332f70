import type { FromCore, KeptPage } from '../../seam/from-core.ts'
import type { InFlight } from '../../seam/messages.ts'
import type { SessionMessage } from '../../seam/session-message.ts'
import { RELEASED } from '../kept/kept-record.ts'
import type { SessionQueue } from './session-queue.ts'

export interface FeedPorts {
  /** Bytes of one page, at most. */
  pageBytes: number
  /** A message as the session receives it now; undefined when it must no longer receive it. */
  message(session: SessionQueue, number: number): SessionMessage | undefined
  /** Removes a message from the session. */
  forget(session: SessionQueue, number: number): void
  toFront(message: FromCore): void
}

/** Messages of one page, at most. */
const PAGE = 64

/**
 * Feeds the messages that wait in a session to its connection: each once, in order, and no more than the client's window allows
 * unacknowledged. A message that comes while older ones wait lines up behind them.
 */
export class Feed {
  readonly #connection: number
  readonly #session: SessionQueue
  readonly #window: number
  readonly #ports: FeedPorts
  /** Numbers that are in flight, perhaps of messages that the session has dropped in the meantime. */
  readonly #inFlight = new Set<number>()
  /** Everything that waits is in flight, so that the next message goes out at once. */
  #isCurrent = false
  /** The front has room for more. */
  #isWanted = false
  #isGiving = false
  /** The next message is the first after this number that is not in flight. */
  #at = 0

  /** @param window messages that the client accepts unacknowledged */
  constructor(connection: number, session: SessionQueue, window: number, ports: FeedPorts) {
    this.#connection = connection
    this.#session = session
    this.#window = window
    this.#ports = ports
  }

  /**
   * Offers a message that has just come. `now`: it goes out now and counts as in flight; `waits`: it is in flight already, or its
   * turn will come; `unknown`: the session does not hold it.
   */
  offer(number: number): 'now' | 'waits' | 'unknown' {
    if (!this.#session.waiting.has(number)) return 'unknown'
    if (!this.#isCurrent || this.#inFlight.has(number)) return 'waits'
    if (this.#inFlight.size >= this.#window) {
      this.#isCurrent = false
      this.#isWanted = true
      return 'waits'
    }
    this.#inFlight.add(number)
    return 'now'
  }

  /** The front asks for more. */
  wants(): void {
    if (this.#isCurrent) return
    this.#isWanted = true
    this.#give()
  }

  /** The client has acknowledged a message, or must not receive it. */
  cleared(number: number): void {
    this.#inFlight.delete(number)
    this.#ports.forget(this.#session, number)
    this.#give()
  }

  /** The connection sends nothing more. */
  leaves(inFlight: readonly InFlight[]): void {
    for (const { number, messageId } of inFlight) {
      if (this.#session.waiting.has(number)) this.#session.goesOutAs(number, messageId)
    }
    this.#isCurrent = this.#isWanted = false
    this.#at = 0
  }

  #give(): void {
    if (this.#isGiving) return // a message was cleared while it was given; the loop below goes on with the next
    this.#isGiving = true
    while (this.#isWanted) {
      const messages = this.#page()
      if (messages.length === 0) break
      // Not current although nothing more is wanted: the page was full.
      const asksForMore = !this.#isWanted && !this.#isCurrent
      this.#ports.toFront({ kind: 'kept', connection: this.#connection, messages, asksForMore })
    }
    this.#isGiving = false
  }

  /** The next messages, as many as one page and the window allow. */
  #page(): KeptPage['messages'][number][] {
    const messages: KeptPage['messages'][number][] = []
    let bytes = 0
    while (this.#inFlight.size < this.#window) {
      if (messages.length === PAGE || bytes >= this.#ports.pageBytes) {
        this.#isWanted = false
        break
      }
      const number = this.#session.waiting.after(this.#at)
      if (number === undefined) {
        this.#isCurrent = true
        this.#isWanted = false
        this.#at = 0
        break
      }
      this.#at = number
      if (this.#inFlight.has(number)) continue
      const message = this.#messageOf(number)
      if (!message) {
        this.#ports.forget(this.#session, number)
        continue
      }
      this.#inFlight.add(number)
      if ('payload' in message) bytes += message.payload.length
      messages.push(message)
    }
    return messages
  }

  #messageOf(number: number): KeptPage['messages'][number] | undefined {
    const { waiting, sent, lastOfOld } = this.#session
    if (waiting.form(number) === RELEASED) return { number, isReleased: true }
    const message = this.#ports.message(this.#session, number)
    return message && { ...message, number, dup: number <= lastOfOld || sent?.has(number) === true }
  }
}
