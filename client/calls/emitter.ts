/** Passes events to handlers. `Given` is event name to the arguments of its handlers. */
export class Emitter<Given extends Record<string, unknown[]>> {
  readonly #handlers: { [Name in keyof Given]?: Set<(...given: Given[Name]) => void> } = {}

  /** @returns a function that ends it */
  on<Name extends keyof Given>(event: Name, handler: (...given: Given[Name]) => void): () => void {
    const all = (this.#handlers[event] ??= new Set())
    all.add(handler)
    return () => void all.delete(handler)
  }

  /** An error of one handler keeps no other from the event: it goes to the page's `error` event, or to the process. */
  protected emit<Name extends keyof Given>(event: Name, ...given: Given[Name]): void {
    const heard = Array.from(this.#handlers[event] ?? [])
    for (const handler of heard) {
      try {
        handler(...given)
      } catch (err) {
        queueMicrotask(() => {
          throw err
        })
      }
    }
  }

  /** Forgets all handlers. */
  protected silence(): void {
    for (const all of Object.values(this.#handlers)) all?.clear()
  }
}
