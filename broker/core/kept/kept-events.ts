import type { Forgotten } from '../../../shared/wire/done.ts'
import { groupBy } from '../../../shared/group-by.ts'
import type { Closable } from '../../../shared/shutdown.ts'
import type { Fullness } from '../../metrics/fullness.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import { Texts } from '../../storage/texts.ts'
import { Boxes, type Box } from './box.ts'
import { openForgottenEvents } from './forgotten-events.ts'
import type { Holders, Target } from './holders.ts'
import { keptOutline, keptRecord, outlineOf, type KeptRecord, type Outline } from './kept-record.ts'
import { PendingChanges } from './pending-changes.ts'
import type { Spread } from './spread.ts'

/** Bounds on the bytes of kept events. */
export interface KeptBounds {
  /** For one user, in their inbox and all their sessions together. Beyond this, their oldest event is dropped. */
  bytesPerUser: number
  /** For all users. Beyond this, the user who holds the most loses their oldest event. */
  bytes: number
}

/** A record that several users hold; it goes when the last of them lets it go. */
interface Sharing {
  users: number
  readonly bytes: number
}

/** How a record reaches its users. */
interface Distribution {
  readonly key: number
  readonly outline: Outline
  /** The receivers of an event, or the owners of the queues of a message. */
  readonly users: readonly string[]
  /** The queues that hold it; for several users also by user. */
  readonly targets: readonly Target[]
  readonly byOwner: ReadonlyMap<string, readonly Target[]> | undefined
  readonly bytes: number
  readonly isKept: boolean
  /** Undefined for a record from before the start. */
  readonly record: KeptRecord | undefined
}

/**
 * Overhead in bytes, on the disk and in memory: of a user who holds anything, of a record, of each receiver when there are several, and
 * of each reference.
 */
const [PER_USER, PER_RECORD, PER_RECEIVER, PER_REFERENCE] = [700, 200, 40, 120]
/** The distance between two keys: a session's number for a record is its key, or the key plus 1. */
const STEP = 2
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
  /** By key. */
  readonly #shared = new Map<number, Sharing>()
  #holders!: Holders
  /** Records that only sessions hold which end with their connection: they are not on the disk. */
  readonly #inMemory = new Map<number, KeptRecord>()
  #lastKey = 0
  #bytes = 0
  #count = 0
  readonly #changes: PendingChanges
  readonly #spread: Spread
  /** Keys of records that not all of their receivers have yet. */
  readonly #spreading = new Set<number>()

  constructor(storage: Storage, bounds: KeptBounds, spread: Spread) {
    this.#storage = storage
    this.#bounds = bounds
    this.#spread = spread
    this.#records = storage.table('kept_events', keptRecord)
    this.#changes = new PendingChanges(storage, this.#records)
    this.#forgotten = openForgottenEvents(storage)
  }

  /** Gives the stored records to their holders. */
  open(holders: Holders): void {
    this.#holders = holders
    this.#changes.open(holders)
    // No key is used again, even when its record has gone: sessions know how far they have come by it.
    const last = Math.max(holders.sessions.lastNumber, this.#forgotten.last)
    this.#lastKey = last - (last % STEP)
    for (const { key, value } of this.#storage.table('kept_events', keptOutline(new Texts())).entries()) {
      const targets: Target[] = []
      for (const { session, form, ids, shared } of value.places) {
        const queue = holders.sessions.queueOf(session, key as number, form)
        if (queue) targets.push({ queue, form, ids, shared })
      }
      this.#lastKey = Math.max(this.#lastKey, key as number)
      const one = this.#distribution(key as number, value, targets)
      for (let place = 0; place < one.users.length; place++) this.#distribute(one, place)
      this.#distributed(one)
    }
    for (const box of this.#boxes.filled()) this.#trim(box)
    while (this.#trimAll());
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
   * @param reached called once for each user after all that holds the record for them has it, in the order in which records are
   *   stored; for the users of an event, or the owners of the queues
   * @returns its key, which is also its number in sessions; on `<user>_events` the number is 1 more
   */
  keep(unit: Unit, record: KeptRecord, targets: readonly Target[], reached: (user: string) => void = () => {}): number {
    const key = (this.#lastKey += STEP)
    const isInInbox = record.kind === 'event' && record.isInInbox
    record.at = Date.now()
    if (targets.length > 0)
      record.places = targets.map(({ queue, form, ids, shared }) => ({ session: queue.serial, form, ids, shared }))
    const isStored = isInInbox || targets.some(({ queue }) => queue.isLasting)
    if (isStored) {
      unit.put(this.#records, key, record)
      this.#changes.joins(unit)
    }
    unit.afterwards(() => {
      if (!isStored && targets.length > 0) this.#inMemory.set(key, record)
      const one = this.#distribution(key, outlineOf(record), targets, record)
      const serve = (place: number): void => {
        this.#distribute(one, place)
        reached(one.users[place]!)
      }
      if (one.users.length > 1) this.#spreading.add(key)
      this.#spread.over(one.users, { serve, ended: () => this.#distributed(one) })
    })
    return key
  }

  /** Gives a user what is stored for them: a record with many receivers takes a while to reach all of them. */
  settle(user: string): void {
    this.#spread.settle(user)
  }

  /** Do some receivers of this record not have it yet? */
  isSpreading(key: number): boolean {
    return this.#spreading.has(key)
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
  hold(box: Box, key: number): void {
    box.hold(key)
    this.#counts(box, PER_REFERENCE)
  }

  /** Removes a reference. */
  release(box: Box, key: number): void {
    this.#counts(box, -PER_REFERENCE)
    this.#dismiss(box, key)
  }

  /** A holder has changes to store. They go into the next unit, or soon into one of their own. */
  changed(): void {
    this.#changes.soon()
  }

  /** Stores all pending changes. */
  async close(): Promise<void> {
    this.#spread.finish()
    await this.#changes.close()
  }

  /** @param record undefined for a record from before the start */
  #distribution(key: number, outline: Outline, targets: readonly Target[], record?: KeptRecord): Distribution {
    const { to, numbers, isEvent } = outline
    const users = isEvent ? to : [...new Set(targets.map(({ queue }) => queue.owner))]
    const isShared = users.length > 1
    const bytes = outline.bytes + PER_RECORD + to.length * PER_RECEIVER
    const isKept = numbers.length > 0 || targets.length > 0
    if (isKept || !record) {
      this.#count++
      this.#bytes += bytes
    }
    // One user more, until all have it.
    if (isShared && (isKept || !record)) this.#shared.set(key, { users: 1, bytes })
    const byOwner = isShared ? groupBy(targets, ({ queue }) => queue.owner) : undefined
    return { key, outline, users, targets, byOwner, bytes, isKept, record }
  }

  /** Gives a record to all that holds it for one of its users. */
  #distribute({ key, outline, users, targets, byOwner, bytes, record }: Distribution, place: number): void {
    const user = users[place]!
    const own = byOwner ? (byOwner.get(user) ?? NONE) : targets
    const { numbers, isFromStranger } = outline
    if (numbers.length === 0 && own.length === 0) return
    const box = this.#boxes.of(user)
    const sharing = byOwner && this.#shared.get(key)
    if (sharing) sharing.users++
    if (box.count === 0) this.#counts(box, PER_USER)
    box.add(key, sharing ? outline.bytes + PER_RECORD : bytes, isFromStranger)
    if (numbers.length > 0) this.#holders.inbox.receive(box, key, numbers[place]!, record === undefined)
    for (const target of own) target.queue.receive(box, key, target, record)
    this.#dismiss(box, key)
    if (record === undefined) return // a start trims in the end
    this.#trim(box)
    this.#trimAll()
  }

  /** All users have what they get of a record. */
  #distributed({ key, bytes, isKept, record }: Distribution): void {
    this.#spreading.delete(key)
    const sharing = this.#shared.get(key)
    if (sharing) this.#leave(key, sharing)
    else if (!isKept && !record) this.#remove(key, bytes)
  }

  #counts(box: Box, bytes: number): void {
    box.bytes += bytes
    this.#bytes += bytes
  }

  #trim(box: Box): void {
    while (box.bytes > this.#bounds.bytesPerUser && box.count > 1 && this.#drop(box, box.first!));
  }

  /** Drops some events while there are too many. Returns true when it may have to drop more. */
  #trimAll(): boolean {
    for (let left = DROPPED_AT_ONCE; this.#bytes > this.#bounds.bytes; left--) {
      if (left === 0) return true
      const box = this.#boxes.fullest
      if (box?.first === undefined || !this.#drop(box, box.first)) return false
    }
    return false
  }

  /** Makes an event's user let it go everywhere. Returns false when something still holds it. */
  #drop(box: Box, key: number): boolean {
    this.#holders.inbox.lose(box, key)
    this.#holders.sessions.lose(box, key)
    return !box.has(key)
  }

  #remove(key: number, bytes: number): void {
    this.#count--
    this.#bytes -= bytes
    if (this.#inMemory.delete(key)) return
    this.#changes.remove(key)
  }

  /** One less of a user's holders needs an event. Each event is held once more while it is given out. */
  #dismiss(box: Box, key: number): void {
    const bytes = box.release(key)
    if (bytes !== undefined && box.count === 0) this.#counts(box, -PER_USER)
    this.#boxes.settle(box)
    if (bytes === undefined) return
    const sharing = this.#shared.get(key)
    if (sharing) this.#leave(key, sharing)
    else this.#remove(key, bytes)
  }

  /** One less of a record's users holds it. */
  #leave(key: number, sharing: Sharing): void {
    if (--sharing.users > 0) return
    this.#shared.delete(key)
    this.#remove(key, sharing.bytes)
  }
}

const NONE: readonly Target[] = []
