import type { FromCore, Kept, UnderWay } from '../../seam/messages.ts'
import type { SessionMessage } from '../../seam/session-message.ts'
import type { Reference, SessionQueue } from './session-queue.ts'

export interface FeedPorts {
  /** Of what it gives at once, at most. */
  pageBytes: number
  /** What waits, as the session gets it now: undefined when it is not to have it any more. */
  message(session: SessionQueue, reference: Reference): SessionMessage | undefined
  /** Takes something out of the session. */
  forget(session: SessionQueue, number: number): void
  toFront(message: FromCore): void
}

/** Messages that it gives at once, at most. */
const PAGE = 64

/**
 * What one connection gets of what waits in its session: each message once and in their order, and no more than its client takes
 * before it acknowledges. What comes while older ones wait lines up behind them.
 */
export class Feed {
  readonly #connection: number
  readonly #session: SessionQueue
  readonly #window: number
  readonly #ports: FeedPorts
  /** Numbers that the connection has, and has not cleared: perhaps of messages that the session has dropped meanwhile. */
  readonly #underWay = new Set<number>()
  /** Nothing waits that is not under way: what comes next goes out at once. */
  #isCurrent = false
  /** The front has room for more. */
  #isWanted = false
  #isGiving = false
  /** What is to be given next is the first of these that is not under way. */
  #rest: MapIterator<[number, Reference]> | undefined

  /** @param window messages that the client takes before it acknowledges */
  constructor(connection: number, session: SessionQueue, window: number, ports: FeedPorts) {
    this.#connection = connection
    this.#session = session
    this.#window = window
    this.#ports = ports
  }

  /**
   * May a message go out now? `waits`: it has been given already, or will be in its turn; `unknown`: the session does not hold it.
   */
  takes(number: number): 'now' | 'waits' | 'unknown' {
    if (!this.#session.waiting.has(number)) return 'unknown'
    if (!this.#isCurrent || this.#underWay.has(number)) return 'waits'
    if (this.#underWay.size >= this.#window) {
      this.#isCurrent = false
      this.#isWanted = true
      return 'waits'
    }
    this.#underWay.add(number)
    return 'now'
  }

  /** The front has room for what waits. */
  wants(): void {
    if (this.#isCurrent) return
    this.#isWanted = true
    this.#give()
  }

  /** The client has acknowledged a message, or must not get it. */
  cleared(number: number): void {
    this.#underWay.delete(number)
    this.#ports.forget(this.#session, number)
    this.#give()
  }

  /** The connection sends nothing more. */
  leaves(underWay: readonly UnderWay[]): void {
    for (const { number, messageId } of underWay) {
      const reference = this.#session.waiting.get(number)
      if (reference) reference.messageId = messageId
    }
    this.#isCurrent = this.#isWanted = false
    this.#rest = undefined
  }

  #give(): void {
    if (this.#isGiving) return // a message was cleared as it was given: what follows comes behind it
    this.#isGiving = true
    while (this.#isWanted) {
      const messages = this.#page()
      if (messages.length === 0) break
      // It is not current, and nothing more is wanted: there was more than it gives at once.
      const asksForMore = !this.#isWanted && !this.#isCurrent
      this.#ports.toFront({ kind: 'kept', connection: this.#connection, messages, asksForMore })
    }
    this.#isGiving = false
  }

  /** What is to be given next, as much as there is room for. */
  #page(): Kept['messages'][number][] {
    const messages: Kept['messages'][number][] = []
    let bytes = 0
    this.#rest ??= this.#session.waiting.entries()
    while (this.#underWay.size < this.#window) {
      if (messages.length === PAGE || bytes >= this.#ports.pageBytes) {
        this.#isWanted = false
        break
      }
      const { done, value } = this.#rest.next()
      if (done) {
        this.#isCurrent = true
        this.#isWanted = false
        this.#rest = undefined
        break
      }
      const [number, reference] = value
      if (this.#underWay.has(number)) continue
      const message = this.#messageOf(number, reference)
      if (!message) {
        this.#ports.forget(this.#session, number)
        continue
      }
      this.#underWay.add(number)
      if ('payload' in message) bytes += message.payload.length
      messages.push(message)
    }
    return messages
  }

  #messageOf(number: number, reference: Reference): Kept['messages'][number] | undefined {
    if (reference.isReleased) return { number, isReleased: true }
    const message = this.#ports.message(this.#session, reference)
    return message && { ...message, number, dup: reference.isOfOld || reference.messageId !== undefined }
  }
}
