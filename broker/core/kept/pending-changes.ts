import type { Storage, Table, Unit } from '../../storage/storage.ts'
import type { Holders } from './holders.ts'

/** Removals, and changes of each kind of holder, added to another unit and in a unit of their own, at most. */
const [WITH_OTHERS, AT_ONCE] = [32, 1_000]
/** Milliseconds before pending changes are stored in a unit of their own. */
const SOON = 20
/** Milliseconds before a failed unit is tried again. */
const TRY_AGAIN = 1_000

/** Records to be removed, and changes of what holds records, which nobody waits for: they are stored with the next unit, or soon. */
export class PendingChanges {
  readonly #storage: Storage
  readonly #records: Table<unknown>
  #holders: Holders | undefined
  /** Keys of records to be removed. */
  #gone: number[] = []
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(storage: Storage, records: Table<unknown>) {
    this.#storage = storage
    this.#records = records
  }

  /** Nothing is stored before this. */
  open(holders: Holders): void {
    this.#holders = holders
  }

  remove(key: number): void {
    this.#gone.push(key)
    this.soon()
  }

  /** There is something to store. */
  soon(after = SOON): void {
    if (this.#timer || this.#isClosed) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      let isMore = false
      this.#storage
        .commit((unit) => void (isMore = this.#store(unit, AT_ONCE)), { inOrder: false })
        .then(
          () => isMore && this.soon(),
          () => this.soon(TRY_AGAIN), // the storage has logged it
        )
    }, after).unref()
  }

  /** Adds some of it to another unit. */
  joins(unit: Unit): void {
    this.#store(unit, WITH_OTHERS)
  }

  /** Stores everything. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#storage.commit((unit) => void this.#store(unit, Infinity)).catch(() => {}) // the next start makes up for it
  }

  /** Stores at most so many changes of each kind. Returns true when there are more. */
  #store(unit: Unit, most: number): boolean {
    const { sessions, inbox } = this.#holders!
    const hasMoreInSessions = sessions.tidy(unit, most)
    // A user's last number is stored before the record of their last event is removed.
    if (inbox.tidy(unit, most)) return true
    if (this.#gone.length === 0) return hasMoreInSessions
    let keys = this.#gone
    if (keys.length <= most) this.#gone = []
    else keys = keys.splice(-most)
    for (const key of keys) unit.remove(this.#records, key)
    unit.otherwise(() => {
      for (const key of keys) this.#gone.push(key)
    })
    return hasMoreInSessions || this.#gone.length > 0
  }
}
