import type { Forgotten, OutgoingEvent } from '../../../shared/wire/done.ts'
import type { Catalogue } from '../../../shared/wire/catalogue.ts'
import { isoNow } from '../../../shared/wire/time.ts'
import { refuse, Refusal, refusalFields } from '../../../shared/wire/refusal.ts'
import { ALL_EVENTS, eventTopic } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Keeping, Reach } from '../reach.ts'
import type { Inbox } from '../inbox/inbox.ts'
import { headed } from '../kept/as-sent.ts'
import type { KeptEvents, Target } from '../kept/kept-events.ts'
import { ON_ALL } from '../kept/kept-record.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import type { Command } from '../../seam/session.ts'
import type { Storage, Unit } from '../../storage/storage.ts'

/** What an event answers. */
export type Cause = Pick<Command, 'user' | 're' | 'correlation' | 'responseTopic' | 'onlyTo'> & { name: string }

/** An event with the time at which it happened and its number for each receiver: the same when it is told again. */
export type TimedEvent = OutgoingEvent & { at?: string | undefined; numbers?: readonly number[] }
type NumberedEvent = TimedEvent & { numbers: readonly number[] }

export interface EventPorts {
  storage: Storage
  kept: KeptEvents
  inbox: Inbox
  sessions: Pick<SessionStore, 'targets'>
  engine: () => Pick<Reach, 'isHeard' | 'event'>
}

/** Puts events on the wire: `{ event_seq?, re?, at, ...fields }` to `<user>_<event>`, and with its name to `<user>_events`. */
export class Events {
  readonly #ports: EventPorts
  readonly #fromStrangers = new Set<string>()

  constructor(ports: EventPorts) {
    this.#ports = ports
  }

  /** Learns which events strangers can cause. */
  declare(catalogue: Catalogue): void {
    for (const { fromStrangers = [] } of Object.values(catalogue)) {
      for (const event of fromStrangers) this.#fromStrangers.add(event)
    }
  }

  /**
   * Resolves when the event is stored in every session that must keep it, and on its way to those connected.
   * @throws {Refusal} `unavailable` when it cannot be stored
   */
  async tell(event: TimedEvent, cause?: Cause): Promise<void> {
    await this.#ports.storage
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
    this.#send(unit, event, undefined, keeping)
  }

  /** The event with the next number of each receiver, under which `keep` is to keep it. */
  number(event: TimedEvent): NumberedEvent {
    const { to, event: name, fields, at } = event
    return { to, event: name, fields, at, numbers: this.#ports.inbox.number(receiversOf(event)) }
  }

  /** Emits an event, and keeps it in the inbox of each receiver, heard or not. */
  keep(unit: Unit, event: NumberedEvent, cause?: Cause): void {
    this.#send(unit, event, cause, {}, true)
  }

  /** Inboxes and sessions tell no more of what was kept by now. */
  forget(unit: Unit, what: readonly Forgotten[]): void {
    for (const one of what) this.#ports.kept.forget(unit, one)
  }

  reject(to: UserId, command: string, refusal: Refusal, cause?: Cause): Promise<void> {
    return this.tell({ to, event: 'command_rejected', fields: refusalFields(command, refusal) }, cause)
  }

  #send(unit: Unit, event: TimedEvent, cause?: Cause, keeping: Keeping = {}, isInInbox = false): void {
    const { kept: isKept = true, expiresAt } = keeping
    const { kept, sessions } = this.#ports
    const engine = this.#ports.engine()
    const to = receiversOf(event)
    const { event: name, numbers = [] } = event
    const answered = cause?.user === event.to ? cause : undefined
    const { name: command, re, correlation, responseTopic, onlyTo } = answered ?? {}
    const going: { topic: string; form: number; number: number | undefined; isNamed: boolean }[] = []
    const targets: Target[] = []
    const goesTo = (topic: string, form: number, number: number | undefined, isNamed: boolean): void => {
      const before = targets.length
      if (isKept) sessions.targets(targets, topic, form, onlyTo)
      // A session that keeps it may be connected by the time that it is stored.
      if (targets.length > before || engine.isHeard(topic)) going.push({ topic, form, number, isNamed })
    }
    for (let i = 0; i < to.length; i++) {
      const user = to[i]!
      const own = responseTopic ?? eventTopic(user, name)
      const all = eventTopic(user, ALL_EVENTS)
      if (own !== all) goesTo(own, 0, numbers[i], responseTopic !== undefined)
      goesTo(all, ON_ALL, numbers[i], true)
    }
    if (going.length === 0 && !(isInInbox && to.length > 0)) return
    const body = bodyOf(event, cause)
    const isFromStranger = this.#fromStrangers.has(name)
    const record = {
      kind: 'event' as const,
      at: 0,
      places: [],
      event: name,
      body,
      to,
      numbers,
      isInInbox,
      isFromStranger,
      answers: command,
      re,
      correlation,
      responseTopic,
      expiresAt,
    }
    const key = kept.keep(unit, record, targets)
    if (going.length === 0) return
    unit.afterwards(() => {
      for (const { topic, form, number, isNamed } of going) {
        if (!engine.isHeard(topic)) continue
        engine.event({
          number: targets.length > 0 ? key + form : undefined,
          topic,
          payload: headed(body, number, isNamed ? name : undefined),
          correlation,
          onlyTo,
          answers: command === undefined ? undefined : { command, re, isNamed },
          kept: isKept,
          expiresAt,
        })
      }
    })
  }
}

/** An event's JSON, made once however many get it. Its name, number, time and `re` are the broker's to give, and come once. */
function bodyOf({ to, fields, at = isoNow() }: TimedEvent, cause: Cause | undefined): Buffer {
  const re = cause?.user === to ? cause.re : undefined
  return Buffer.from(JSON.stringify({ ...fields, re, at, event: undefined, event_seq: undefined }))
}

/** Each once. */
function receiversOf({ to }: OutgoingEvent): readonly UserId[] {
  if (typeof to === 'string') return [to]
  return to.length > 1 ? [...new Set(to)] : to
}
