import { expect } from '@jest/globals'
import { userIdOf, type UserId } from '../../shared/wire/user-id.ts'
import type { Work } from '../counting-store.ts'
import type { GotEvent, Play } from './play.ts'
import type { CommandOf, EventName, Expected, FieldsOf, Got, GroupName, InputOf, EventsOf } from './terms.ts'

export interface CallOptions {
  /**
   * Kills the handler's process after each of its writes in turn, each time before the broker learns the result, then runs the command
   * once more. Fails when the effects differ: a user would get something twice, or never.
   */
  readonly crashes?: boolean
  /** The client id that sends it, and stays connected. Default `phone`. */
  readonly client?: string
}

/** The answer to a command: its reply, or `command_rejected`. */
export interface Answer<Events> extends GotEvent {
  readonly event: (keyof Events & string) | 'command_rejected'
  /** The answer's fields. @throws when the answer is another event */
  as<Name extends keyof Events & string>(event: Name): Got<Events[Name]>
}

/** A user of the app, with a device that gets all of their events. */
export class Person<G extends GroupName> {
  readonly user: UserId
  readonly #play: Play
  readonly #unread: GotEvent[]
  #clients: readonly string[] = ['phone']

  constructor(name: string, play: Play, unread: GotEvent[]) {
    this.user = userIdOf(name)
    this.#play = play
    this.#unread = unread
  }

  /**
   * Sends a command. Resolves with its answer, which may be a refusal, once every event it caused has arrived.
   * @throws when the handler throws anything but a refusal
   */
  async calls<Name extends CommandOf<G>>(
    command: Name,
    ...[input, options]: Call<InputOf<G, Name>>
  ): Promise<Answer<EventsOf<G, Name>>> {
    const { crashes, client = 'phone' } = options ?? {}
    this.#clients = [...new Set([...this.#clients, client])]
    const sender = { user: this.user, client, clients: this.#clients }
    const got = await this.#play.send(sender, command, input ?? {}, crashes)
    return answerOf(this.user, command, got) as Answer<EventsOf<G, Name>>
  }

  /**
   * Takes the oldest unread event of this name, which must have arrived already.
   * @param fields what it must hold, as with `toMatchObject`
   * @throws when there is none, or its fields differ
   */
  receives<Name extends EventName<G>>(event: Name, fields?: Expected<FieldsOf<G, Name>>): Got<FieldsOf<G, Name>> {
    const at = this.#unread.findIndex((one) => one.event === event)
    try {
      if (at < 0) {
        const unread = this.#unread.map((one) => one.event).join(', ')
        throw new Error(`${this.user} did not get ${event}; unread: ${unread || 'nothing'}`)
      }
      const [got] = this.#unread.splice(at, 1)
      if (fields) expect(got).toMatchObject(fields)
      return got as GotEvent & Got<FieldsOf<G, Name>>
    } catch (err) {
      // oxlint-disable-next-line typescript/unbound-method -- a place in the stack, not called
      Error.captureStackTrace(err as Error, this.receives) // points to the test's line
      throw err
    }
  }

  /** Takes all unread events. */
  unread(): GotEvent[] {
    return this.#unread.splice(0)
  }

  /** Connects their first device, of which the broker tells handlers declared with `internal: 'presence'`. */
  async comes(): Promise<void> {
    this.#clients = ['phone']
    await this.#play.tellPresence({ user: this.user, client: 'phone', clients: this.#clients }, true)
  }

  /** Disconnects their last device for good. */
  async leaves(): Promise<void> {
    this.#clients = []
    await this.#play.tellPresence({ user: this.user, client: 'phone', clients: [] }, false)
  }

  /** Counts what a command makes the store do, which no machine's speed changes. Drops the answer. */
  async costs<Name extends CommandOf<G>>(command: Name, ...call: Call<InputOf<G, Name>>): Promise<Work> {
    return this.#play.workOf(() => this.calls(command, ...call))
  }
}

/** A command's input, which may be omitted if all of its fields may, and the options. */
type Call<Input> =
  Record<never, never> extends Input ? [input?: Input, options?: CallOptions] : [input: Input, options?: CallOptions]

function answerOf(user: UserId, command: string, got: GotEvent | undefined): GotEvent {
  const answer = { ...(got ?? { event: 'nothing', at: '' }) }
  const as = (event: string): GotEvent => {
    if (answer.event === event) return answer
    throw new Error(`${user}'s ${command} was answered ${JSON.stringify(answer)}, not ${event}`)
  }
  return Object.defineProperty(answer, 'as', { value: as })
}
