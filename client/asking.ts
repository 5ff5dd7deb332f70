import { Rejected } from './errors.ts'
import type { Events } from './contract.ts'
import type { Incoming } from './inbox.ts'
import type { Link } from './mqtt/link.ts'
import { newId } from './new-id.ts'

/** Milliseconds before something is asked again that the broker could not answer now. */
const AGAIN = 2_000

/** What the client itself asks the broker, on the connection of now. */
export class Asking {
  #link: Link | undefined
  readonly #asked = new Map<string, { resolve: (answer: Incoming) => void; reject: (err: Error) => void }>()

  isOn(link: Link): boolean {
    return this.#link === link
  }

  start(link: Link): void {
    this.#link = link
  }

  /** What is not answered is rejected. */
  stop(): void {
    this.#link = undefined
    for (const { reject } of this.#asked.values()) reject(new Error('the connection was lost'))
    this.#asked.clear()
  }

  /** Sends what has no answer, if there is a connection. */
  tell(command: string, fields: object): void {
    this.#link?.publishOnce(command, JSON.stringify(fields))
  }

  /** @throws {Rejected} */
  ask(command: string, fields: object): Promise<Incoming> {
    return new Promise((resolve, reject) => {
      if (!this.#link) return reject(new Error('there is no connection'))
      const id = newId()
      this.#asked.set(id, { resolve, reject })
      this.#link.publish(command, JSON.stringify({ id, ...fields }), () => {})
    })
  }

  /** The same, again and again while the broker says that it cannot do it now. */
  async insist(command: string, fields: object): Promise<Incoming> {
    const link = this.#link
    for (;;) {
      try {
        return await this.ask(command, fields)
      } catch (err) {
        if (!(err instanceof Rejected)) throw err
        const { retryAfterMs = AGAIN } = err
        await new Promise((resolve) => setTimeout(resolve, retryAfterMs))
        if (this.#link !== link) throw new Error('the connection was lost', { cause: err })
      }
    }
  }

  /** Takes an answer to something that was asked here. */
  takes(event: Incoming): boolean {
    const asked = this.#asked.get(event.re ?? '')
    if (!asked) return false
    this.#asked.delete(event.re!)
    if (event.event === 'command_rejected' || event.event === 'command_failed') {
      asked.reject(new Rejected(event as unknown as Events['command_rejected']))
    } else asked.resolve(event)
    return true
  }
}
