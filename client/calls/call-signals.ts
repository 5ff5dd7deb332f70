import type { Board, HowToLeave, SignalType } from './board.ts'
import { callError, type End } from './call-error.ts'
import { SignalQueue } from './signal-queue.ts'

export interface CallSignalsPorts {
  readonly board: Board
  /** The other user. */
  readonly user: string
  readonly id: string
  isRinging(): boolean
  /** The platform has taken the first offer or the first answer: there is a call. */
  onPlaced(): void
  /** It has not, so there is none. */
  onRefused(end: End): void
}

/** The signals of one call to the other side, in order, under the call's id. */
export class CallSignals {
  readonly #ports: CallSignalsPorts
  readonly #queue: SignalQueue
  #isPlaced = false
  #isClosed = false

  constructor(ports: CallSignalsPorts) {
    this.#ports = ports
    this.#queue = new SignalQueue(
      (type, body) => this.#post(type, body),
      (code) => code !== 'offline' || !ports.isRinging(),
    )
  }

  get isPlaced(): boolean {
    return this.#isPlaced
  }

  async send(type: SignalType, body: unknown): Promise<void> {
    const isFirst = !this.#isPlaced && type !== 'candidate'
    try {
      await this.#queue.send(type, body)
      if (!isFirst || this.#isClosed) return
      this.#isPlaced = true
      this.#ports.onPlaced()
    } catch (err) {
      if (isFirst && !this.#isClosed) this.#ports.onRefused(callError(err).end)
      throw err
    }
  }

  /** Drops what has not been sent. */
  close(): void {
    this.#isClosed = true
    this.#queue.close()
  }

  /** The call is over, here. The platform takes that also when the other side is offline. */
  tellEnd(type: 'bye' | 'decline' | 'busy', how?: HowToLeave): Promise<void> {
    const last = new SignalQueue(
      (now) => this.#post(now, undefined, how),
      (code) => code !== 'offline',
    )
    return last.send(type).catch(() => {}) // it is over already
  }

  async #post(type: SignalType, body?: unknown, how?: HowToLeave): Promise<void> {
    const { board, user, id } = this.#ports
    await board.call('signal', { target: user, type, call_id: id, ...(body !== undefined && { body }) }, how)
  }
}
