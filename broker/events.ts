import type { OutgoingEvent } from '../shared/wire/done.ts'
import { Refusal, refusalFields } from '../shared/wire/refusal.ts'
import { ALL_EVENTS, eventTopic } from '../shared/wire/topic.ts'
import type { UserId } from '../shared/wire/user-id.ts'
import type { MqttEngine } from './aedes/port.ts'
import type { Command } from './session.ts'

/** What an event answers. */
export type Cause = Pick<Command, 'user' | 're' | 'correlation' | 'responseTopic'>

/** Puts events on the wire: `{ re?, at, ...fields }` to `<user>_<event>`, and with its name to `<user>_events`. */
export class Events {
  readonly #engine: () => MqttEngine

  constructor(engine: () => MqttEngine) {
    this.#engine = engine
  }

  /**
   * Resolves when the event is in every session that must keep it. `re`, the correlation data and the Response Topic are
   * those of the cause, and only for its sender; an answer that has a Response Topic goes there instead.
   */
  async emit({ to, event, fields }: OutgoingEvent, cause?: Cause): Promise<void> {
    const answers = cause?.user === to ? cause : undefined
    const own = answers?.responseTopic ?? eventTopic(to, event)
    const all = eventTopic(to, ALL_EVENTS)
    const [ownHeard, allHeard] = [this.#engine().isHeard(own), this.#engine().isHeard(all)]
    if (!ownHeard && !allHeard) return
    const re = answers?.re === undefined ? undefined : { re: answers.re }
    const body = JSON.stringify({ ...fields, ...re, at: new Date().toISOString() })
    const named = `{"event":"${event}",${body.slice(1)}`
    const correlation = answers?.correlation
    const elsewhere = answers?.responseTopic !== undefined
    await Promise.all([
      ownHeard && this.#engine().event({ topic: own, payload: Buffer.from(elsewhere ? named : body), correlation }),
      allHeard && this.#engine().event({ topic: all, payload: Buffer.from(named), correlation }),
    ])
  }

  reject(to: UserId, command: string, refusal: Refusal, cause?: Cause): Promise<void> {
    return this.emit({ to, event: 'command_rejected', fields: refusalFields(command, refusal) }, cause)
  }
}
