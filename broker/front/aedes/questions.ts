import type { FromFront, Stored } from '../../seam/messages.ts'

/** What the front has asked the core to store, and has no answer to yet. */
export class Questions {
  readonly #toCore: (message: FromFront) => void
  readonly #open = new Map<number, (failed: boolean) => void>()
  #last = 0

  constructor(toCore: (message: FromFront) => void) {
    this.#toCore = toCore
  }

  /** Resolves when it is stored. @throws when it cannot be */
  ask(what: (asks: number) => FromFront): Promise<void> {
    return new Promise((resolve, reject) => {
      const asks = ++this.#last
      this.#open.set(asks, (failed) =>
        failed ? reject(new Error('what the session keeps cannot be stored')) : resolve(),
      )
      this.#toCore(what(asks))
    })
  }

  answered({ asks, failed }: Stored): void {
    const answer = this.#open.get(asks)
    this.#open.delete(asks)
    answer?.(failed)
  }
}
