import type { Logger } from '../log.ts'
import type { Stamp } from '../wire/stamp.ts'
import type { Context } from './command.ts'

const NOBODY: ReadonlySet<string> = new Set()

/**
 * One attempt of a command: the context that its handler gets. The log and the signal are made only when the handler asks for
 * them: an `AbortController` costs more than many a handler, and its `abort()` creates an error with a stack.
 */
export class Attempt implements Context {
  readonly from: Context['from']
  readonly command: Context['command']
  readonly #name: string
  readonly #parent: Logger
  #log: Logger | undefined
  #controller: AbortController | undefined
  #isAborted = false

  constructor(name: string, stamp: Stamp, parent: Logger) {
    const { 'user-id': user, 'client-id': client, clients, 'command-id': id, attempt, order, at } = stamp
    this.from = { user, client, clients: clients ? new Set(clients) : NOBODY }
    this.command = { id, attempt, order, at: new Date(at) }
    this.#name = name
    this.#parent = parent
  }

  get log(): Logger {
    const { id, attempt } = this.command
    return (this.#log ??= this.#parent.child({ command: this.#name, id, attempt }))
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#isAborted) this.#controller.abort()
    return this.#controller.signal
  }

  /** Aborts the attempt's signal, now or when it is asked for later. Not for handlers, hence static. */
  static abort(attempt: Attempt): void {
    attempt.#isAborted = true
    attempt.#controller?.abort()
  }
}
