import type { OutgoingEvent } from '../shared/wire/done.ts'
import { refuse, Refusal, refusalFields } from '../shared/wire/refusal.ts'
import { ALL_EVENTS, eventTopic } from '../shared/wire/topic.ts'
import type { UserId } from '../shared/wire/user-id.ts'
import type { MqttEngine } from './aedes/port.ts'
import type { Command } from './session.ts'
import type { Storage, Unit } from './storage/storage.ts'

/** What an event answers. */
export type Cause = Pick<Command, 'user' | 're' | 'correlation' | 'responseTopic'>

/** An event with the time at which it happened: the same when it is told again. */
export type TimedEvent = OutgoingEvent & { at?: string }

/** Puts events on the wire: `{ re?, at, ...fields }` to `<user>_<event>`, and with its name to `<user>_events`. */
export class Events {
  readonly #storage: Storage
  readonly #engine: () => MqttEngine

  constructor(storage: Storage, engine: () => MqttEngine) {
    this.#storage = storage
    this.#engine = engine
  }

  /**
   * Resolves when the event is stored in every session that must keep it, and on its way to those connected.
   * @throws {Refusal} `unavailable` when it cannot be stored
   */
  async tell(event: TimedEvent, cause?: Cause): Promise<void> {
    await this.#storage
      .commit((unit) => this.emit(unit, event, cause))
      .catch(() => {
        throw refuse('unavailable')
      })
  }

  /**
   * Puts an event into a unit, to be sent when that is stored. `re`, the correlation data and the Response Topic are those of
   * the cause, and only for its sender; an answer that has a Response Topic goes there instead.
   */
  emit(unit: Unit, { to, event, fields, at = new Date().toISOString() }: TimedEvent, cause?: Cause): void {
    let plain: Bodies | undefined // one for all who did not ask
    for (const user of typeof to === 'string' ? [to] : to) {
      const answers = cause?.user === user ? cause : undefined
      const own = answers?.responseTopic ?? eventTopic(user, event)
      const all = eventTopic(user, ALL_EVENTS)
      const [ownHeard, allHeard] = [own !== all && this.#engine().isHeard(own), this.#engine().isHeard(all)]
      if (!ownHeard && !allHeard) continue
      const re = answers?.re === undefined ? undefined : { re: answers.re }
      const { body, named } = re
        ? bodiesOf(event, { ...fields, ...re, at })
        : (plain ??= bodiesOf(event, { ...fields, at }))
      const correlation = answers?.correlation
      const ownBody = answers?.responseTopic === undefined ? body : named
      if (ownHeard) this.#engine().event(unit, { topic: own, payload: ownBody, correlation })
      if (allHeard) this.#engine().event(unit, { topic: all, payload: named, correlation })
    }
  }

  reject(to: UserId, command: string, refusal: Refusal, cause?: Cause): Promise<void> {
    return this.tell({ to, event: 'command_rejected', fields: refusalFields(command, refusal) }, cause)
  }
}

interface Bodies {
  body: Buffer
  /** With the event's name, for where the topic does not tell it. */
  named: Buffer
}

function bodiesOf(event: string, fields: object): Bodies {
  const body = JSON.stringify(fields)
  return { body: Buffer.from(body), named: Buffer.from(`{"event":"${event}",${body.slice(1)}`) }
}
