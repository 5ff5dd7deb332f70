import { Oldest } from '../../../shared/oldest.ts'
import type { UnderWay } from '../../seam/messages.ts'
import type { Subscription } from '../../seam/subscription.ts'
import type { Held } from '../kept/box.ts'
import { ByAge } from '../kept/by-age.ts'
import { ON_ALL } from '../kept/kept-record.ts'

/** Events that wait for one session, and their bytes: beyond, the oldest is dropped. */
export interface SessionBounds {
  maxWaiting: number
  maxWaitingBytes: number
}

/** What waits: a reference to a message of QoS 1 or 2, and how far it has come. Without an event it is a PUBREL. */
export class Reference {
  held: Held | undefined
  readonly form: number
  /** A broker that has ended may have sent it [MQTT-3.3.1-1]. */
  readonly isOfOld: boolean
  /** Under which it went out on a connection that has gone. */
  messageId: number | undefined = undefined

  constructor(held: Held | undefined, form: number, isOfOld: boolean) {
    this.held = held
    this.form = form
    this.isOfOld = isOfOld
  }

  /** The client has it; what is left to do is its PUBREL [MQTT-4.3.3-1]. */
  get isReleased(): boolean {
    return this.held === undefined
  }

  /** Under which its session has it. */
  static numberOf(key: number, form: number): number {
    return form & ON_ALL ? key + 1 : key
  }
}

/** One session: what it is subscribed to, and what waits for it. */
export class SessionQueue {
  readonly id: string
  readonly owner: string
  /** No other session has had it. */
  readonly serial: number
  /** Milliseconds for which it outlives its connection; 0: not at all, and it is not on the disk. */
  expiry: number
  /** The id of the token that it had last. */
  jti: string | undefined = undefined
  /** When its connection ended; without it, it has one. */
  since: number | undefined = undefined
  /** Stops the clock of its absence. */
  stopClock: (() => void) | undefined = undefined
  readonly subscriptions = new Map<string, Subscription>()
  /** By number, in the order of their publishing. */
  readonly waiting = new Map<number, Reference>()
  /** Ids of QoS 2 messages that it has sent, and not released. */
  readonly incoming = new Set<number>()
  /** Of what waits. */
  bytes = 0
  /** Called when something of what waits has gone. */
  relieved: (() => void) | undefined = undefined
  /** The last number that it was given of what is on the disk. */
  last = 0
  /** Numbers that are gone before older ones, and are not stored as such. */
  skipped: number[] = []
  /** Some are. */
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

  /** Every number up to this is gone, of those that it was given. */
  get cursor(): number {
    const oldest = this.#oldest.entry?.[0]
    return oldest === undefined ? this.last : Math.min(oldest - 1, this.last)
  }

  /** What goes first: the oldest that a stranger has caused, or else the oldest. */
  get first(): number | undefined {
    return this.#strangers?.oldest?.[0] ?? this.#oldest.entry?.[0]
  }

  /** What went out on connections that have gone, and under which id. */
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

  /** Takes it out. */
  remove(number: number): Reference | undefined {
    const reference = this.waiting.get(number)
    if (!reference) return undefined
    this.waiting.delete(number)
    if (reference.held?.isFromStranger) this.#strangers!.ended()
    return reference
  }
}
