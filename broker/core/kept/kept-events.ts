import type { Forgotten } from '../../../shared/wire/done.ts'
import type { Closable } from '../../../shared/shutdown.ts'
import type { Fullness } from '../../metrics/fullness.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import { Texts } from '../../storage/texts.ts'
import { Boxes, Held, type Box, type Sharing } from './box.ts'
import { openForgottenEvents } from './forgotten-events.ts'
import { keptOutline, keptRecord, outlineOf, type KeptRecord, type Outline } from './kept-record.ts'

/** Bounds on the bytes of kept events. */
export interface KeptBounds {
  /** For one user, in their inbox and all their sessions together. Beyond this, their oldest event is dropped. */
  bytesPerUser: number
  /** For all users. Beyond this, the user who holds the most loses their oldest event. */
  bytes: number
}

/** The queue of a session that may hold records. */
export interface Queue {
  readonly owner: string
  readonly serial: number
  /** The session outlives its connection and a restart. */
  readonly isLasting: boolean
  /** @param record undefined for a record from before the start */
  receive(held: Held, target: Target, record: KeptRecord | undefined): void
}

/** A queue that is to hold a record, and in which form. */
export interface Target {
  readonly queue: Queue
  readonly form: number
  readonly ids?: readonly number[] | undefined
  readonly shared?: string | undefined
}

/** The holders of records. Their own changes are stored with the next unit (`tidy`). */
export interface Holders {
  inbox: {
    receive(held: Held, number: number, isOfOld: boolean): void
    /** Must let this event go. */
    lose(held: Held): void
    tidy(unit: Unit): void
  }
  sessions: {
    /** The session with this serial number, if it still waits for this record. */
    queueOf(serial: number, key: number, form: number): Queue | undefined
    lose(held: Held): void
    tidy(unit: Unit): void
  }
}

/** Overhead in bytes, on the disk and in memory: of a record, of each receiver when there are several, and of each reference. */
const [PER_RECORD, PER_RECEIVER, PER_REFERENCE] = [200, 40, 120]
/** The distance between two keys: a session's number for a record is its key, or the key plus 1. */
const STEP = 2
/** Removals added to another unit, and in a unit of their own, at most. */
const [TIDIED_BY_OTHERS, TIDIED_AT_ONCE] = [32, 1_000]
/** Milliseconds before pending changes are stored in a unit of their own. */
const TIDY = 20
/** Milliseconds before a failed unit is tried again. */
const TRY_AGAIN = 1_000
/** Events dropped to make room for one, at most; later ones drop the rest. */
const DROPPED_AT_ONCE = 64

/**
 * Events and messages that are kept for users. Each is stored once, however many sessions and inboxes hold it, and removed when the
 * last of them lets it go. Memory holds its key and size; it is read from the disk when it is sent.
 */
export class KeptEvents implements Closable {
  readonly #storage: Storage
  readonly #records
  readonly #bounds: KeptBounds
  readonly #forgotten
  readonly #boxes = new Boxes()
  #holders!: Holders
  /** Records that only sessions hold which end with their connection: they are not on the disk. */
  readonly #inMemory = new Map<number, KeptRecord>()
  #lastKey = 0
  #bytes = 0
  #count = 0
  /** Keys of records to be removed. */
  #gone: number[] = []
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(storage: Storage, bounds: KeptBounds) {
    this.#storage = storage
    this.#bounds = bounds
    this.#records = storage.table('kept_events', keptRecord)
    this.#forgotten = openForgottenEvents(storage)
  }

  /** Gives the stored records to their holders. */
  open(holders: Holders): void {
    this.#holders = holders
    for (const { key, value } of this.#storage.table('kept_events', keptOutline(new Texts())).entries()) {
      this.#lastKey = key as number
      const targets: Target[] = []
      for (const { session, form, ids, shared } of value.places) {
        const queue = holders.sessions.queueOf(session, this.#lastKey, form)
        if (queue) targets.push({ queue, form, ids, shared })
      }
      this.#distribute(this.#lastKey, value, targets)
    }
  }

  fullness(): Fullness {
    const { user } = this.#boxes.fullest ?? {}
    return {
      kind: 'kept_events',
      what: 'events that are kept for users',
      used: this.#bytes,
      limit: this.#bounds.bytes,
      most: user,
      beyond: 'the users who hold the most lose their oldest; raise MAX_KEPT_BYTES, or lower KEPT_BYTES_PER_USER',
    }
  }

  /** How many records are kept, and their bytes. */
  get size(): { records: number; bytes: number } {
    return { records: this.#count, bytes: this.#bytes }
  }

  /** The bytes that this user holds. */
  bytesOf(user: string): number {
    return this.#boxes.bytesOf(user)
  }

  /**
   * Keeps a new record in these queues and, if `isInInbox`, in its receivers' inboxes, once the unit is stored. Fills in the record's
   * time and places.
   * @returns its key, which is also its number in sessions; on `<user>_events` the number is 1 more
   */
  keep(unit: Unit, record: KeptRecord, targets: readonly Target[]): number {
    const key = (this.#lastKey += STEP)
    const isInInbox = record.kind === 'event' && record.isInInbox
    if (!isInInbox && targets.length === 0) return key
    record.at = Date.now()
    if (targets.length > 0)
      record.places = targets.map(({ queue, form, ids, shared }) => ({ session: queue.serial, form, ids, shared }))
    const isStored = isInInbox || targets.some(({ queue }) => queue.isLasting)
    if (isStored) {
      unit.put(this.#records, key, record)
      this.#tidy(unit, TIDIED_BY_OTHERS)
    }
    unit.afterwards(() => {
      if (!isStored) this.#inMemory.set(key, record)
      this.#distribute(key, outlineOf(record), targets, record)
    })
    return key
  }

  /** The record with this key; undefined when it has gone or is forgotten. */
  read(key: number): KeptRecord | undefined {
    const record = this.#inMemory.get(key) ?? this.#records.get(key)
    return record && !this.#forgotten.has(key, record) ? record : undefined
  }

  /** Stored records in the order of their keys, beginning with `from`. */
  *entries(from: number): Generator<{ key: number; record: KeptRecord }> {
    for (const { key, value } of this.#records.entries(from)) yield { key: Number(key), record: value }
  }

  /** No longer delivers matching events that were kept until now, in any inbox or session. */
  forget(unit: Unit, what: Forgotten): void {
    this.#forgotten.add(unit, what, this.#lastKey)
  }

  /** Drops entries about forgotten events whose records have gone. */
  tidyForgotten(unit: Unit): void {
    if (this.#forgotten.isEmpty) return
    let oldest = Infinity
    for (const { key } of this.#records.entries()) {
      oldest = Number(key)
      break
    }
    this.#forgotten.drop(unit, oldest)
  }

  /** Adds a reference to an event. */
  hold(held: Held): void {
    held.references++
    held.box.bytes += PER_REFERENCE
    this.#bytes += PER_REFERENCE
  }

  /** Removes a reference. */
  release(held: Held): void {
    held.box.bytes -= PER_REFERENCE
    this.#bytes -= PER_REFERENCE
    this.#dismiss(held)
  }

  /** A holder has changes to store. They go into the next unit, or soon into one of their own. */
  changed(after = TIDY): void {
    if (this.#timer || this.#isClosed) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#storage
        .commit((unit) => this.#tidy(unit, TIDIED_AT_ONCE), { inOrder: false })
        .then(
          () => this.#gone.length > 0 && this.changed(),
          () => this.changed(TRY_AGAIN), // the storage has logged it
        )
    }, after).unref()
  }

  /** Stores all pending changes. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#storage.commit((unit) => this.#tidy(unit, Infinity)).catch(() => {}) // the next start makes up for it
  }

  /** @param record undefined for a record from before the start */
  #distribute(key: number, outline: Outline, targets: readonly Target[], record?: KeptRecord): void {
    const { to, numbers, isEvent } = outline
    const isShared = isEvent ? to.length > 1 : targets.some(({ queue }) => queue.owner !== targets[0]!.queue.owner)
    const content = outline.bytes + PER_RECORD
    const whole = content + to.length * PER_RECEIVER
    this.#count++
    this.#bytes += whole
    if (isShared) return this.#distributeShared(key, outline, targets, whole, record)
    const user = isEvent ? to[0]! : targets[0]?.queue.owner
    if (user === undefined || (numbers.length === 0 && targets.length === 0)) return this.#remove(key, whole)
    const held = new Held(key, whole, this.#boxes.of(user), outline.isFromStranger, undefined)
    this.#admit(held)
    if (numbers.length > 0) this.#holders.inbox.receive(held, numbers[0]!, record === undefined)
    for (const target of targets) target.queue.receive(held, target, record)
    this.#dismiss(held)
    this.#trim(held.box)
    this.#trimAll()
  }

  #distributeShared(
    key: number,
    outline: Outline,
    targets: readonly Target[],
    whole: number,
    record?: KeptRecord,
  ): void {
    const { to, numbers, bytes, isFromStranger } = outline
    const sharing: Sharing = { users: 0, bytes: whole }
    const helds = new Map<string, Held>()
    const heldBy = (user: string): Held => {
      let held = helds.get(user)
      if (held) return held
      held = new Held(key, bytes + PER_RECORD, this.#boxes.of(user), isFromStranger, sharing)
      helds.set(user, held)
      this.#admit(held)
      return held
    }
    for (let i = 0; i < numbers.length; i++)
      this.#holders.inbox.receive(heldBy(to[i]!), numbers[i]!, record === undefined)
    for (const target of targets) target.queue.receive(heldBy(target.queue.owner), target, record)
    if (helds.size === 0) return this.#remove(key, whole)
    for (const held of helds.values()) this.#dismiss(held)
    for (const { box } of helds.values()) this.#trim(box)
    this.#trimAll()
  }

  #trim(box: Box): void {
    while (box.bytes > this.#bounds.bytesPerUser && box.count > 1 && this.#drop(box.first!));
  }

  #trimAll(): void {
    for (let left = DROPPED_AT_ONCE; left > 0 && this.#bytes > this.#bounds.bytes; left--) {
      const first = this.#boxes.fullest?.first
      if (!first || !this.#drop(first)) return
    }
  }

  /** Makes an event's user let it go everywhere. Returns false when something still holds it. */
  #drop(held: Held): boolean {
    this.#holders.inbox.lose(held)
    this.#holders.sessions.lose(held)
    return held.references === 0
  }

  #remove(key: number, bytes: number): void {
    this.#count--
    this.#bytes -= bytes
    if (this.#inMemory.delete(key)) return
    this.#gone.push(key)
    this.changed()
  }

  /** Holds an event until it is dismissed, so that it does not go in between. */
  #admit(held: Held): void {
    held.references = 1
    held.box.add(held)
    if (held.sharing) held.sharing.users++
  }

  #dismiss(held: Held): void {
    const { key, box, sharing, bytes } = held
    const isOver = --held.references === 0
    if (isOver) box.ended(held)
    this.#boxes.settle(box)
    if (isOver && !(sharing && --sharing.users > 0)) this.#remove(key, sharing?.bytes ?? bytes)
  }

  #tidy(unit: Unit, most: number): void {
    // A user's last number is stored before the record of their last event is removed.
    this.#holders.inbox.tidy(unit)
    this.#holders.sessions.tidy(unit)
    if (this.#gone.length === 0) return
    let keys = this.#gone
    if (keys.length <= most) this.#gone = []
    else keys = keys.splice(-most)
    for (const key of keys) unit.remove(this.#records, key)
    unit.otherwise(() => {
      for (const key of keys) this.#gone.push(key)
    })
  }
}
