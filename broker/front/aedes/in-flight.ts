import type { InFlight as Known } from '../../seam/messages.ts'
import type { InnerClient } from './internals.ts'

/** The Receive Maximum of a client without a limit. */
export const NO_LIMIT = 65_535
/** Most message ids that a client may leave unacknowledged: well above what the core sends, below the number of ids. */
const MAX_IN_FLIGHT = 65_000

/** The QoS 1 and 2 messages of a session that are in flight on one connection: by message id, the number in the session. */
export class InFlight {
  readonly #client
  readonly #numbers = new Map<number, number>()
  /** By number, the message ids of messages sent on an earlier connection and not yet resent. */
  readonly #before = new Map<number, number>()

  constructor(client: Pick<InnerClient, '_nextId'>) {
    this.#client = client
  }

  /** Takes over what was in flight on an earlier connection. */
  resumes(all: readonly Known[]): void {
    for (const { number, messageId } of all) {
      this.#numbers.set(messageId, number)
      this.#before.set(number, messageId)
    }
  }

  /**
   * The message id for a message: the previous one if it is resent, else a free one.
   * @param number in the session; undefined when the session does not hold it
   * @returns undefined when the client has left too many unacknowledged
   */
  idFor(number: number | undefined): number | undefined {
    const before = number === undefined ? undefined : this.#before.get(number)
    if (before !== undefined) {
      this.#before.delete(number!)
      return before
    }
    if (this.#numbers.size >= MAX_IN_FLIGHT) return undefined
    let id: number
    do id = nextIdOf(this.#client)
    while (this.#numbers.has(id))
    if (number !== undefined) this.#numbers.set(id, number)
    return id
  }

  numberOf(messageId: number): number | undefined {
    return this.#numbers.get(messageId)
  }

  /** Removes a finished message. Returns its number, if the session holds it. */
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

/** The client's next message id, free or not. */
export function nextIdOf(client: Pick<InnerClient, '_nextId'>): number {
  const id = client._nextId
  client._nextId = (id % 65_535) + 1
  return id
}
