import { codeOf, type SignalType } from './board.ts'

/** Gives a signal to the platform. Rejects with its code. */
export type Post = (type: SignalType, body: unknown) => Promise<void>

/** Codes that may be gone in a moment: the other side is reconnecting, or too much was sent at once. */
const PASSING = new Set(['offline', 'rate_limited', 'unavailable', 'timeout'])
/** Milliseconds before a signal is sent again, at first and at most. */
const [FIRST_PAUSE, LONGEST_PAUSE] = [500, 5_000]

/** Sends the signals for one other side one after another, so that they arrive in order. */
export class SignalQueue {
  readonly #post: Post
  readonly #isPatient: (code: string) => boolean
  #last: Promise<unknown> = Promise.resolve()
  #isClosed = false
  #endPause = (): void => {}

  /** @param isPatient says whether a signal that was refused for now, with this code, is sent again until it is taken */
  constructor(post: Post, isPatient: (code: string) => boolean) {
    this.#post = post
    this.#isPatient = isPatient
  }

  /** Resolves when the platform has relayed the signal, or the queue is closed. */
  send(type: SignalType, body?: unknown): Promise<void> {
    const sent = this.#last.then(() => this.#deliver(type, body))
    this.#last = sent.catch(() => {})
    return sent
  }

  /** Drops what has not been sent. */
  close(): void {
    this.#isClosed = true
    this.#endPause()
  }

  async #deliver(type: SignalType, body: unknown): Promise<void> {
    for (let pause = FIRST_PAUSE; !this.#isClosed; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      try {
        return await this.#post(type, body)
      } catch (err) {
        if (this.#isClosed) return
        const code = codeOf(err) ?? ''
        if (!PASSING.has(code) || !this.#isPatient(code)) throw err
        await this.#pause(retryAfter(err) ?? pause)
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function retryAfter(err: unknown): number | undefined {
  const ms = (err as { retryAfterMs?: unknown }).retryAfterMs
  return typeof ms === 'number' ? ms : undefined
}
