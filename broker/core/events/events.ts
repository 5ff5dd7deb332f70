import type { Forgotten, OutgoingEvent } from '../../../shared/wire/done.ts'
import { isoNow } from '../../../shared/wire/time.ts'
import { refuse, Refusal, refusalFields } from '../../../shared/wire/refusal.ts'
import { ALL_EVENTS, eventTopic } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Keeping, MqttEngine } from '../../seam/port.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { Command } from '../../seam/session.ts'
import type { Storage, Unit } from '../../storage/storage.ts'

/** What an event answers. */
export type Cause = Pick<Command, 'user' | 're' | 'correlation' | 'responseTopic' | 'onlyTo'> & { name: string }

/** An event with the time at which it happened and its number for each receiver: the same when it is told again. */
export type TimedEvent = OutgoingEvent & { at?: string; numbers?: readonly number[] }
type NumberedEvent = TimedEvent & { numbers: readonly number[] }

/** Puts events on the wire: `{ event_seq?, re?, at, ...fields }` to `<user>_<event>`, and with its name to `<user>_events`. */
export class Events {
  readonly #storage: Storage
  readonly #inbox: Inbox
  readonly #engine: () => MqttEngine

  constructor(storage: Storage, inbox: Inbox, engine: () => MqttEngine) {
    this.#storage = storage
    this.#inbox = inbox
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
   * the cause, for an event to its sender alone; with a Response Topic it goes there instead of to `<user>_<event>`.
   */
  emit(unit: Unit, event: TimedEvent, cause?: Cause): void {
    this.#send(unit, event, cause)
  }

  /** The same for what is of no use later. */
  emitLive(unit: Unit, event: TimedEvent, keeping: Keeping): void {
    this.#send(unit, event, undefined, undefined, keeping)
  }

  /** The event with the next number of each receiver, under which `keep` is to keep it. */
  number(event: TimedEvent): NumberedEvent {
    return { ...event, numbers: this.#inbox.number(receiversOf(event)) }
  }

  /** Emits an event, and keeps it in the inbox of each receiver, heard or not. */
  keep(unit: Unit, event: NumberedEvent, cause?: Cause): void {
    const body = bodyOf(event, cause)
    const answers = cause?.user === event.to ? cause.name : undefined
    this.#inbox.keep(unit, { to: receiversOf(event), numbers: event.numbers, event: event.event, body, answers })
    this.#send(unit, event, cause, body)
  }

  /** Inboxes tell no more of what was kept by now. */
  forget(unit: Unit, what: readonly Forgotten[]): void {
    for (const one of what) this.#inbox.forget(unit, one)
  }

  reject(to: UserId, command: string, refusal: Refusal, cause?: Cause): Promise<void> {
    return this.tell({ to, event: 'command_rejected', fields: refusalFields(command, refusal) }, cause)
  }

  #send(unit: Unit, event: TimedEvent, cause?: Cause, made?: Buffer, keeping: Keeping = {}): void {
    const answered = cause?.user === event.to ? cause : undefined
    const { correlation, responseTopic, onlyTo } = answered ?? {}
    const engine = this.#engine()
    const receivers = receiversOf(event)
    for (let i = 0; i < receivers.length; i++) {
      const user = receivers[i]!
      const own = responseTopic ?? eventTopic(user, event.event)
      const all = eventTopic(user, ALL_EVENTS)
      const number = event.numbers?.[i]
      const send = (topic: string, name?: string): void => {
        const payload = headed((made ??= bodyOf(event, cause)), number, name)
        const answers = answered && { command: answered.name, re: answered.re, isNamed: name !== undefined }
        engine.event(unit, { topic, payload, correlation, onlyTo, answers, ...keeping })
      }
      if (own !== all && engine.isHeard(own)) send(own, responseTopic === undefined ? undefined : event.event)
      if (engine.isHeard(all)) send(all, event.event)
    }
  }
}

/** An event's JSON, made once however many get it. Its name, number, time and `re` are the broker's to give, and come once. */
function bodyOf({ to, fields, at = isoNow() }: TimedEvent, cause: Cause | undefined): Buffer {
  const re = cause?.user === to ? cause.re : undefined
  return Buffer.from(JSON.stringify({ ...fields, re, at, event: undefined, event_seq: undefined }))
}

/** The same for one receiver: with his number, and with the event's name for where the topic does not tell it. */
function headed(body: Buffer, number: number | undefined, event?: string): Buffer {
  if (number === undefined && event === undefined) return body
  const name = event === undefined ? '' : `"event":"${event}",`
  const head = `{${name}${number === undefined ? '' : `"event_seq":${number},`}`
  const whole = Buffer.allocUnsafe(head.length + body.length - 1)
  whole.write(head, 'latin1') // names of events and numbers are ASCII
  body.copy(whole, head.length, 1)
  return whole
}

function receiversOf({ to }: OutgoingEvent): readonly UserId[] {
  return typeof to === 'string' ? [to] : to
}
