import type { FromCore } from '../../seam/from-core.ts'
import type { Verified } from '../../seam/from-front.ts'
import type { Token } from '../../seam/session.ts'

/** Tokens that the front is verifying for the core. */
export class Verifications {
  readonly #toFront: (message: FromCore) => void
  readonly #open = new Map<
    number,
    { connection: number; answer: (answer: Pick<Verified, 'token' | 'reason'>) => void }
  >()
  #last = 0

  constructor(toFront: (message: FromCore) => void) {
    this.#toFront = toFront
  }

  /**
   * Asks the front of a connection to verify a token. Does not check whether it was revoked or its user banned.
   * @throws with the reason, for the log
   */
  ask(connection: number, token: string): Promise<Token> {
    return new Promise((resolve, reject) => {
      const asks = ++this.#last
      const answer = ({ token: believed, reason }: Pick<Verified, 'token' | 'reason'>): void =>
        believed ? resolve(believed) : reject(new Error(reason))
      this.#open.set(asks, { connection, answer })
      this.#toFront({ kind: 'verify', connection, asks, token })
    })
  }

  answered({ asks, token, reason }: Verified): void {
    const open = this.#open.get(asks)
    this.#open.delete(asks)
    open?.answer({ token, reason })
  }

  /** A connection has gone, so its open questions fail. */
  disconnected(connection: number): void {
    for (const [asks, open] of this.#open) {
      if (open.connection !== connection) continue
      this.#open.delete(asks)
      open.answer({ token: undefined, reason: 'its connection has ended' })
    }
  }
}
