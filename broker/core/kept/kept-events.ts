import type { Forgotten } from '../../../shared/wire/done.ts'
import type { Closable } from '../../../shared/shutdown.ts'
import type { Fullness } from '../../metrics/fullness.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import { Texts } from '../../storage/texts.ts'
import { Boxes, Held, type Box, type Sharing } from './box.ts'
import { openForgottenEvents } from './forgotten-events.ts'
import { keptOutline, keptRecord, outlineOf, type KeptRecord, type Outline } from './kept-record.ts'

/** Bytes of all that is kept. */
export interface KeptBounds {
  /** For one user, in their inbox and all their sessions together; beyond, their oldest goes. */
  bytesPerUser: number
  /** For all; beyond, the oldest of those who hold the most goes. */
  bytes: number
}

/** A session's queue, as what is kept sees it. */
export interface Queue {
  readonly owner: string
  readonly serial: number
  /** It outlives its connection, and the broker. */
  readonly isLasting: boolean
  /** @param record of one that has just been stored */
  take(held: Held, target: Target, record: KeptRecord | undefined): void
}

/** A queue that is to hold a record, and how. */
export interface Target {
  readonly queue: Queue
  readonly form: number
  readonly ids?: readonly number[] | undefined
  readonly shared?: string | undefined
}

/** What holds records. What is to be stored of that goes into the next unit, or one of its own. */
export interface Holders {
  inbox: {
    take(held: Held, number: number, isOfOld: boolean): void
    /** It must let this go. */
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

/** Bytes of a record beside its content, of each receiver of one that has several, and of each reference to it: on the disk and in memory. */
const [PER_RECORD, PER_RECEIVER, PER_REFERENCE] = [200, 40, 120]
/** Between the keys of two records: the sessions' numbers for a record begin with its key. */
const STEP = 2
/** What a unit stores beside its own, at most. */
const [TIDIED_BY_OTHERS, TIDIED_AT_ONCE] = [32, 1_000]
/** Milliseconds after which that is stored in a unit of its own. */
const TIDY = 20
/** Milliseconds before it is tried again when it could not be stored. */
const TRY_AGAIN = 1_000
/** Events that go to make room for one, at most; the rest follows. */
const DROPPED_AT_ONCE = 64

/**
 * Events and messages that are kept for users: each is stored once, however many sessions and inboxes hold it, and gone with the
 * last of them. What they hold of it in memory is its key and what it counts; it is read from the disk when it is sent.
 */
export class KeptEvents implements Closable {
  readonly #storage: Storage
  readonly #records
  readonly #bounds: KeptBounds
  readonly #forgotten
  readonly #boxes = new Boxes()
  #holders!: Holders
  /** Those that no lasting session holds and no inbox: they are not on the disk. */
  readonly #inMemory = new Map<number, KeptRecord>()
  #lastKey = 0
  #bytes = 0
  #count = 0
  /** Keys of records that are to be removed. */
  #gone: number[] = []
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(storage: Storage, bounds: KeptBounds) {
    this.#storage = storage
    this.#bounds = bounds
    this.#records = storage.table('kept_events', keptRecord)
    this.#forgotten = openForgottenEvents(storage)
  }

  /** Gives what is on the disk to those who hold it, once they are there. */
  open(holders: Holders): void {
    this.#holders = holders
    for (const { key, value } of this.#storage.table('kept_events', keptOutline(new Texts())).entries()) {
      this.#lastKey = key as number
      const targets: Target[] = []
      for (const { session, form, ids, shared } of value.places) {
        const queue = holders.sessions.queueOf(session, this.#lastKey, form)
        if (queue) targets.push({ queue, form, ids, shared })
      }
      this.#take(this.#lastKey, value, targets)
    }
  }

  /** How full it is. */
  fullness(): Fullness {
    const { user } = this.#boxes.fullest ?? {}
    return {
      kind: 'kept_events',
      what: 'events that are kept for users',
      used: this.#bytes,
      limit: this.#bounds.bytes,
      most: user,
      beyond: 'those lose their oldest who hold the most: raise MAX_KEPT_BYTES, or lower KEPT_BYTES_PER_USER',
    }
  }

  /** Records, and bytes of them, that are kept. */
  get size(): { records: number; bytes: number } {
    return { records: this.#count, bytes: this.#bytes }
  }

  /** What this user holds. */
  bytesOf(user: string): number {
    return this.#boxes.bytesOf(user)
  }

  /**
   * Keeps a new record in these queues and, if it says so, in the inboxes of its receivers, once the unit is stored. Its time and its
   * places are filled in.
   * @returns its key: the sessions' numbers for it are this, and 1 more on `<user>_events`
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
      this.#take(key, outlineOf(record), targets, record)
    })
    return key
  }

  /** What is kept under a key; undefined when it is to be told no more. */
  read(key: number): KeptRecord | undefined {
    const record = this.#inMemory.get(key) ?? this.#records.get(key)
    return record && !this.#forgotten.has(key, record) ? record : undefined
  }

  /** Records in the order of their keys, from one on. */
  *entries(from: number): Generator<{ key: number; record: KeptRecord }> {
    for (const { key, value } of this.#records.entries(from)) yield { key: Number(key), record: value }
  }

  /** Tells no more, in any inbox and any session, of what was kept by now. */
  forget(unit: Unit, what: Forgotten): void {
    this.#forgotten.add(unit, what, this.#lastKey)
  }

  /** Drops what is known of forgotten events that are gone. */
  tidyForgotten(unit: Unit): void {
    if (this.#forgotten.isEmpty) return
    let oldest = Infinity
    for (const { key } of this.#records.entries()) {
      oldest = Number(key)
      break
    }
    this.#forgotten.drop(unit, oldest)
  }

  /** What holds an event has one reference more to it. */
  hold(held: Held): void {
    held.references++
    held.box.bytes += PER_REFERENCE
    this.#bytes += PER_REFERENCE
  }

  /** Or one less. */
  release(held: Held): void {
    held.box.bytes -= PER_REFERENCE
    this.#bytes -= PER_REFERENCE
    this.#dismiss(held)
  }

  /** Something is to be stored beside what others store: soon, if they store nothing. */
  changed(after = TIDY): void {
    if (this.#timer || this.#isClosed) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#storage
        .commit((unit) => this.#tidy(unit, TIDIED_AT_ONCE), { inOrder: false })
        .then(
          () => this.#gone.length > 0 && this.changed(),
          () => this.changed(TRY_AGAIN), // the storage has told
        )
    }, after).unref()
  }

  /** Stores what was to be stored beside something else. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#storage.commit((unit) => this.#tidy(unit, Infinity)).catch(() => {}) // the next start does it again
  }

  /** @param record of one that has just been stored; without it, it was there before the start */
  #take(key: number, outline: Outline, targets: readonly Target[], record?: KeptRecord): void {
    const { to, numbers, isEvent } = outline
    const isShared = isEvent ? to.length > 1 : targets.some(({ queue }) => queue.owner !== targets[0]!.queue.owner)
    const content = outline.bytes + PER_RECORD
    const whole = content + to.length * PER_RECEIVER
    this.#count++
    this.#bytes += whole
    if (isShared) return this.#takeOfMany(key, outline, targets, whole, record)
    const user = isEvent ? to[0]! : targets[0]?.queue.owner
    if (user === undefined || (numbers.length === 0 && targets.length === 0)) return this.#remove(key, whole)
    const held = new Held(key, whole, this.#boxes.of(user), outline.isFromStranger, undefined)
    this.#admit(held)
    if (numbers.length > 0) this.#holders.inbox.take(held, numbers[0]!, record === undefined)
    for (const target of targets) target.queue.take(held, target, record)
    this.#dismiss(held)
    this.#trim(held.box)
    this.#trimAll()
  }

  #takeOfMany(key: number, outline: Outline, targets: readonly Target[], whole: number, record?: KeptRecord): void {
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
    for (let i = 0; i < numbers.length; i++) this.#holders.inbox.take(heldBy(to[i]!), numbers[i]!, record === undefined)
    for (const target of targets) target.queue.take(heldBy(target.queue.owner), target, record)
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

  /** Lets an event go, whatever of its user's holds it. False when something holds it all the same. */
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

  /** An event is held from now on, until it is dismissed, whoever else holds it or not. */
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
    // What a user's last event has left behind is stored before it is removed.
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
