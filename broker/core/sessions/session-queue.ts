import { Oldest } from '../../../shared/oldest.ts'
import type { UnderWay } from '../../seam/messages.ts'
import type { Subscription } from '../../seam/subscription.ts'
import type { Held } from '../kept/box.ts'
import { ByAge } from '../kept/by-age.ts'
import { ON_ALL } from '../kept/kept-record.ts'

/** Bounds on the events that wait for one session. Beyond them the oldest event is dropped. */
export interface SessionBounds {
  maxWaiting: number
  maxWaitingBytes: number
}

/** A message of QoS 1 or 2 that waits for a session, and how far its delivery has come. Without an event, a PUBREL is due. */
export class Reference {
  held: Held | undefined
  readonly form: number
  /** A previous broker process may have sent it, so it goes out with DUP [MQTT-3.3.1-1]. */
  readonly isOfOld: boolean
  /** Its message id on an earlier connection. */
  messageId: number | undefined = undefined

  constructor(held: Held | undefined, form: number, isOfOld: boolean) {
    this.held = held
    this.form = form
    this.isOfOld = isOfOld
  }

  /** The client has the message; only its PUBREL is due [MQTT-4.3.3-1]. */
  get isReleased(): boolean {
    return this.held === undefined
  }

  /** The number of a kept record in a session. */
  static numberOf(key: number, form: number): number {
    return form & ON_ALL ? key + 1 : key
  }
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
  /** When its connection ended; undefined while it is connected. */
  since: number | undefined = undefined
  /** Stops the timer that ends it. */
  stopClock: (() => void) | undefined = undefined
  readonly subscriptions = new Map<string, Subscription>()
  /** Messages by number, in the order in which they were published. */
  readonly waiting = new Map<number, Reference>()
  /** Ids of QoS 2 messages that its client has sent and not released. */
  readonly incoming = new Set<number>()
  /** Bytes of the messages that wait. */
  bytes = 0
  /** Called when a message that waited has gone. */
  relieved: (() => void) | undefined = undefined
  /** The last number of a stored message that it was given. */
  last = 0
  /** Numbers that have gone before older ones, which is not stored yet. */
  skipped: number[] = []
  /** True when some such numbers are stored. */
  hasSkipped = false
  readonly #oldest = new Oldest(this.waiting)
  #strangers: ByAge<[number, Reference]> | undefined

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
    const oldest = this.#oldest.entry?.[0]
    return oldest === undefined ? this.last : Math.min(oldest - 1, this.last)
  }

  /** The message that is dropped first: the oldest that a stranger has caused, otherwise the oldest. */
  get first(): number | undefined {
    return this.#strangers?.oldest?.[0] ?? this.#oldest.entry?.[0]
  }

  /** Messages that went out on earlier connections, with their message ids. */
  get underWay(): UnderWay[] {
    const all: UnderWay[] = []
    for (const [number, { messageId }] of this.waiting) if (messageId !== undefined) all.push({ number, messageId })
    return all
  }

  isOver({ maxWaiting, maxWaitingBytes }: SessionBounds): boolean {
    return this.waiting.size > maxWaiting || (this.bytes > maxWaitingBytes && this.waiting.size > 1)
  }

  add(number: number, reference: Reference): void {
    this.waiting.set(number, reference)
    if (!reference.held?.isFromStranger) return
    this.#strangers ??= new ByAge(([other, its]) => this.waiting.get(other) !== its)
    this.#strangers.add([number, reference])
  }

  remove(number: number): Reference | undefined {
    const reference = this.waiting.get(number)
    if (!reference) return undefined
    this.waiting.delete(number)
    if (reference.held?.isFromStranger) this.#strangers!.ended()
    return reference
  }
}
