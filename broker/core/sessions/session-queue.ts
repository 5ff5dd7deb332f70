import type { InFlight } from '../../seam/messages.ts'
import type { Subscription } from '../../seam/subscription.ts'
import type { Box } from '../kept/box.ts'
import { ByAge } from '../kept/by-age.ts'
import { ON_ALL, RELEASED } from '../kept/kept-record.ts'
import { Waiting } from './waiting.ts'

/** Bounds on the events that wait for one session. Beyond them the oldest event is dropped. */
export interface SessionBounds {
  maxWaiting: number
  maxWaitingBytes: number
}

/** The number of a kept record in a session. */
export function numberOf(key: number, form: number): number {
  return form & ON_ALL ? key + 1 : key
}

/** One session: its subscriptions, and the messages that wait for it. */
export class SessionQueue {
  readonly id: string
  readonly owner: string
  /** Never reused by another session. */
  readonly serial: number
  /** Milliseconds for which it outlives its connection. 0: it ends with its connection and is not on the disk. */
  expiry: number
  /** The id of its last token. */
  jti: string | undefined = undefined
  /** What it, its subscriptions and message ids count as, in bytes. */
  size = 0
  /** When its connection ended; undefined while it is connected. */
  since: number | undefined = undefined
  /** Stops the timer that ends it. */
  stopClock: (() => void) | undefined = undefined
  readonly subscriptions = new Map<string, Subscription>()
  /** Messages of QoS 1 and 2, in the order in which they were published. */
  readonly waiting = new Waiting()
  /** What its user holds, while a message waits. */
  box: Box | undefined = undefined
  /** Message ids that messages had on an earlier connection, if there are any. */
  sent: Map<number, number> | undefined = undefined
  /** A previous broker process may have sent messages up to this number, so they go out with DUP [MQTT-3.3.1-1]. */
  lastOfOld = 0
  /** Ids of QoS 2 messages that its client has sent and not released. */
  readonly incoming = new Set<number>()
  /** Bytes of the messages that wait. */
  bytes = 0
  /** Called when a message that waited has gone. */
  relieved: (() => void) | undefined = undefined
  /** The last number of a stored message that it was given. */
  last = 0
  /** Every message up to this number had gone when the last broker process ended. */
  passed = 0
  /** Numbers that have gone before older ones, which is not stored yet. */
  skipped: number[] = []
  /** True when some such numbers are stored. */
  hasSkipped = false
  #strangers: ByAge<number> | undefined

  constructor(id: string, serial: number, expiry: number) {
    this.id = id
    this.owner = id.slice(0, id.indexOf('/'))
    this.serial = serial
    this.expiry = expiry
  }

  get isLasting(): boolean {
    return this.expiry > 0
  }

  /** Every message up to this number has gone. */
  get cursor(): number {
    const oldest = this.waiting.first
    return oldest === undefined ? this.last : Math.min(oldest - 1, this.last)
  }

  /** The message that is dropped first: the oldest that a stranger has caused, otherwise the oldest. */
  get first(): number | undefined {
    return this.#strangers?.oldest ?? this.waiting.first
  }

  /** Messages that went out on earlier connections, with their message ids. */
  get inFlight(): InFlight[] {
    const all = [...(this.sent ?? [])].map(([number, messageId]) => ({ number, messageId }))
    return all.toSorted((a, b) => a.number - b.number)
  }

  isOver({ maxWaiting, maxWaitingBytes }: SessionBounds): boolean {
    return this.waiting.size > maxWaiting || (this.bytes > maxWaitingBytes && this.waiting.size > 1)
  }

  /** Adds an event that its user holds. */
  add(box: Box, key: number, form: number): void {
    const number = numberOf(key, form)
    this.box = box
    this.bytes += box.bytesOf(key)
    this.waiting.set(number, form)
    if (!box.isFromStranger(key)) return
    this.#strangers ??= new ByAge((one) => !this.holdsEvent(one))
    this.#strangers.add(number)
  }

  /** True for a message whose event is still needed: the client does not have it yet. */
  holdsEvent(number: number): boolean {
    const form = this.waiting.form(number)
    return form !== undefined && form !== RELEASED
  }

  /** Removes a message. Returns the key of the event that it no longer needs, if there is one. */
  remove(number: number): number | undefined {
    const form = this.waiting.form(number)
    this.waiting.delete(number)
    this.sent?.delete(number)
    return this.#letGo(number, form)
  }

  /** The client has a QoS 2 message, and only its PUBREL is due [MQTT-4.3.3-1]. Returns like `remove`. */
  release(number: number, messageId: number): number | undefined {
    const form = this.waiting.form(number)
    this.waiting.set(number, RELEASED)
    this.goesOutAs(number, messageId)
    return this.#letGo(number, form)
  }

  /** A message has gone out with this message id. */
  goesOutAs(number: number, messageId: number): void {
    ;(this.sent ??= new Map()).set(number, messageId)
  }

  #letGo(number: number, form: number | undefined): number | undefined {
    if (form === undefined || form === RELEASED) return undefined
    const key = number - (form & ON_ALL)
    this.bytes -= this.box!.bytesOf(key)
    if (this.#strangers && this.box!.isFromStranger(key)) this.#strangers.ended()
    return key
  }
}
