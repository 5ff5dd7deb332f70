import { groupBy } from '../../../shared/group-by.ts'
import type { Forgotten, OutgoingEvent } from '../../../shared/wire/done.ts'
import type { Catalogue } from '../../../shared/wire/catalogue.ts'
import { isoNow } from '../../../shared/wire/time.ts'
import { refuse, Refusal, refusalFields } from '../../../shared/wire/refusal.ts'
import { ALL_EVENTS, splitEventTopic, type EventName } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Keeping, Reach } from '../reach.ts'
import type { Inbox } from '../inbox/inbox.ts'
import { headed } from '../kept/as-sent.ts'
import type { Target } from '../kept/holders.ts'
import type { KeptEvents } from '../kept/kept-events.ts'
import { ON_ALL } from '../kept/kept-record.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import type { Command } from '../../seam/session.ts'
import type { Storage, Unit } from '../../storage/storage.ts'

/** The command that an event answers. */
export type AnsweredCommand = Pick<Command, 'user' | 're' | 'correlation' | 'responseTopic' | 'onlyTo'> & {
  name: string
}

/** An event with its time and its number for each receiver, which stay the same when it is sent again. */
export type TimedEvent = OutgoingEvent & { at?: string | undefined; numbers?: readonly number[] }
type NumberedEvent = TimedEvent & { numbers: readonly number[] }

export interface EventPorts {
  storage: Storage
  kept: KeptEvents
  inbox: Inbox
  sessions: Pick<SessionStore, 'targets'>
  reach: Pick<Reach, 'isHeard' | 'event'>
}

/** Puts events on the wire: `{ event_seq?, re?, at, ...fields }` to `<user>_<event>`, and with its name to `<user>_events`. */
export class Events {
  readonly #ports: EventPorts
  readonly #fromStrangers = new Set<string>()

  constructor(ports: EventPorts) {
    this.#ports = ports
  }

  /** Reads which events strangers can cause. */
  declare(catalogue: Catalogue): void {
    for (const { fromStrangers = [] } of Object.values(catalogue)) {
      for (const event of fromStrangers) this.#fromStrangers.add(event)
    }
  }

  /**
   * Resolves when the event is stored in every session that must keep it, and on its way to the connected devices.
   * @throws {Refusal} `unavailable` when it cannot be stored
   */
  async tell(event: TimedEvent, asked?: AnsweredCommand): Promise<void> {
    await this.#ports.storage
      .commit((unit) => this.emit(unit, event, asked))
      .catch(() => {
        throw refuse('unavailable')
      })
  }

  /**
   * Puts an event into a unit; it is sent when the unit is stored. An event to the sender of `asked` alone carries the `re` and
   * the correlation data of that command, and goes to its Response Topic, if it has one, instead of `<user>_<event>`.
   */
  emit(unit: Unit, event: TimedEvent, asked?: AnsweredCommand): void {
    this.#send(unit, event, asked)
  }

  /** Emits a live event. */
  emitLive(unit: Unit, event: TimedEvent, keeping: Keeping): void {
    this.#send(unit, event, undefined, keeping)
  }

  /** Gives the event the next number of each receiver, for `keep`. */
  number(event: TimedEvent): NumberedEvent {
    const { to, event: name, fields, at } = event
    return { to, event: name, fields, at, numbers: this.#ports.inbox.number(receiversOf(event)) }
  }

  /** Emits an event, and keeps it in the inbox of each receiver, heard or not. */
  keep(unit: Unit, event: NumberedEvent, asked?: AnsweredCommand): void {
    this.#send(unit, event, asked, {}, true)
  }

  /** Inboxes and sessions no longer return the matching events that were kept until now. */
  forget(unit: Unit, what: readonly Forgotten[]): void {
    for (const one of what) this.#ports.kept.forget(unit, one)
  }

  reject(to: UserId, command: string, refusal: Refusal, asked?: AnsweredCommand): Promise<void> {
    return this.tell({ to, event: 'command_rejected', fields: refusalFields(command, refusal) }, asked)
  }

  #send(unit: Unit, event: TimedEvent, asked?: AnsweredCommand, keeping: Keeping = {}, isInInbox = false): void {
    const { kept: isKept = true, expiresAt } = keeping
    const { kept, sessions } = this.#ports
    const reach = this.#ports.reach
    const to = receiversOf(event)
    const { event: name, numbers = [] } = event
    const answered = asked?.user === event.to ? asked : undefined
    const { name: command, re, correlation, responseTopic, onlyTo } = answered ?? {}
    const going: Going[] = []
    const targets: Target[] = []
    const goesTo = (
      user: UserId,
      topicName: EventName,
      form: number,
      number: number | undefined,
      isNamed: boolean,
    ): void => {
      const before = targets.length
      if (isKept) sessions.targets(targets, user, topicName, form, onlyTo)
      // A session that keeps the event may be connected by the time it is stored.
      if (targets.length > before || reach.isHeard(user, topicName)) {
        going.push({ user, name: topicName, form, number, isNamed })
      }
    }
    const ownName = responseTopic === undefined ? name : splitEventTopic(responseTopic).event
    for (let i = 0; i < to.length; i++) {
      if (ownName !== ALL_EVENTS) goesTo(to[i]!, ownName, 0, numbers[i], responseTopic !== undefined)
      goesTo(to[i]!, ALL_EVENTS, ON_ALL, numbers[i], true)
    }
    if (going.length === 0 && !(isInInbox && to.length > 0)) return
    const body = bodyOf(event, asked)
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
    const byUser = to.length > 1 ? groupBy<string, Going>(going, ({ user }) => user) : undefined
    const key = kept.keep(unit, record, targets, (user) => {
      for (const { user: to, name: topicName, form, number, isNamed } of byUser ? (byUser.get(user) ?? []) : going) {
        if (!reach.isHeard(to, topicName)) continue
        reach.event({
          number: targets.length > 0 ? key + form : undefined,
          user: to,
          name: topicName,
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

/** A topic on which one receiver of an event may hear it. */
interface Going {
  readonly user: UserId
  /** The topic is `<user>_<name>`. */
  readonly name: EventName
  readonly form: number
  readonly number: number | undefined
  /** With the event's name in its payload. */
  readonly isNamed: boolean
}

/** An event's JSON, encoded once for all receivers. Only the broker sets its name, number, time and `re`. */
function bodyOf({ to, fields, at = isoNow() }: TimedEvent, asked: AnsweredCommand | undefined): Buffer {
  const re = asked?.user === to ? asked.re : undefined
  return Buffer.from(JSON.stringify({ ...fields, re, at, event: undefined, event_seq: undefined }))
}

/** Each receiver once. */
function receiversOf({ to }: OutgoingEvent): readonly UserId[] {
  if (typeof to === 'string') return [to]
  return to.length > 1 ? [...new Set(to)] : to
}
