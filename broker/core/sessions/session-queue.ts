import { Oldest } from '../../../shared/oldest.ts'
import type { KeptSession, Subscription, Waiting } from '../../seam/kept-sessions.ts'
import type { Held } from '../kept/box.ts'
import { ByAge } from '../kept/by-age.ts'
import { ON_ALL } from '../kept/kept-record.ts'

/** Events that wait for one session, and their bytes: beyond, the oldest is dropped. */
export interface SessionBounds {
  maxWaiting: number
  maxWaitingBytes: number
}

/** What waits: a reference, and how far it has come. Without an event it is a PUBREL. */
export class Reference implements Waiting {
  held: Held | undefined
  readonly form: number
  readonly isOfOld: boolean
  messageId: number | undefined = undefined
  sentOn: object | undefined = undefined
  sent: (() => void) | undefined = undefined

  constructor(held: Held | undefined, form: number, isOfOld: boolean) {
    this.held = held
    this.form = form
    this.isOfOld = isOfOld
  }

  get isReleased(): boolean {
    return this.held === undefined
  }

  /** Under which its session has it. */
  static numberOf(key: number, form: number): number {
    return form & ON_ALL ? key + 1 : key
  }
}

/** One session: what it is subscribed to, and what waits for it. */
export class SessionQueue implements KeptSession {
  readonly id: string
  readonly owner: string
  /** No other session has had it. */
  readonly serial: number
  expiry: number
  /** The id of the token that it had last. */
  jti: string | undefined = undefined
  /** When its connection ended; without it, it has one. */
  since: number | undefined = undefined
  /** Stops the clock of its absence. */
  stopClock: (() => void) | undefined = undefined
  readonly subscriptions = new Map<string, Subscription>()
  readonly waiting = new Map<number, Reference>()
  readonly byMessageId = new Map<number, number>()
  readonly incoming = new Set<number>()
  bytes = 0
  catchingUp: object | undefined = undefined
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
    if (reference.messageId !== undefined) this.byMessageId.delete(reference.messageId)
    return reference
  }
}
