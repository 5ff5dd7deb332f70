import type { UnderWay as Known } from '../../seam/messages.ts'
import type { InnerClient } from './internals.ts'

/** What a client says that takes any number of messages at once. */
export const NO_LIMIT = 65_535
/** Message ids that a client may leave unacknowledged: well over what the core lets be under way, and under what there are. */
const MOST = 65_000

/** What a connection has sent at QoS 1 and 2 of what its session keeps, and its client has not acknowledged: by message id, its number there. */
export class UnderWay {
  readonly #client
  readonly #numbers = new Map<number, number>()
  /** Message ids, by number, of what went out on another connection and has not gone out again. */
  readonly #before = new Map<number, number>()

  constructor(client: Pick<InnerClient, '_nextId'>) {
    this.#client = client
  }

  /** The session goes on with what was under way on another connection. */
  resumes(all: readonly Known[]): void {
    for (const { number, messageId } of all) {
      this.#numbers.set(messageId, number)
      this.#before.set(number, messageId)
    }
  }

  /**
   * The message id under which a message goes out: the same as before if it has gone out before, or one that is free.
   * @param number in the session; undefined when that does not hold it
   * @returns undefined when the client leaves too many unacknowledged
   */
  idFor(number: number | undefined): number | undefined {
    const before = number === undefined ? undefined : this.#before.get(number)
    if (before !== undefined) {
      this.#before.delete(number!)
      return before
    }
    if (this.#numbers.size >= MOST) return undefined
    let id: number
    do id = nextIdOf(this.#client)
    while (this.#numbers.has(id))
    if (number !== undefined) this.#numbers.set(id, number)
    return id
  }

  numberOf(messageId: number): number | undefined {
    return this.#numbers.get(messageId)
  }

  /** The client is done with a message. Returns its number, if the session holds it. */
  done(messageId: number): number | undefined {
    const number = this.#numbers.get(messageId)
    if (number === undefined) return undefined
    this.#numbers.delete(messageId)
    this.#before.delete(number)
    return number
  }

  all(): Known[] {
    return Array.from(this.#numbers, ([messageId, number]) => ({ number, messageId }))
  }
}

/** The next message id of a client, whether it is free or not. */
export function nextIdOf(client: Pick<InnerClient, '_nextId'>): number {
  const id = client._nextId
  client._nextId = (id % 65_535) + 1
  return id
}
