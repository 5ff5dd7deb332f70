import type { Stored } from '../../seam/from-core.ts'
import type { FromFront } from '../../seam/from-front.ts'

/** Requests to the core to store something, each open until it is answered. */
export class Questions {
  readonly #toCore: (message: FromFront) => void
  readonly #open = new Map<number, (failed: boolean) => void>()
  #last = 0

  constructor(toCore: (message: FromFront) => void) {
    this.#toCore = toCore
  }

  /** Sends a request. Resolves when it is stored. @throws when it cannot be stored */
  ask(what: (asks: number) => FromFront): Promise<void> {
    return new Promise((resolve, reject) => {
      const asks = ++this.#last
      this.#open.set(asks, (failed) => (failed ? reject(new Error('cannot store the session')) : resolve()))
      this.#toCore(what(asks))
    })
  }

  answered({ asks, failed }: Stored): void {
    const answer = this.#open.get(asks)
    this.#open.delete(asks)
    answer?.(failed)
  }
}
