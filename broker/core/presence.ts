import type { Logger } from '../../shared/log.ts'
import type { Closable } from '../../shared/shutdown.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { Storage } from '../storage/storage.ts'

/** Milliseconds after their last connection has gone before a user counts as offline. */
const GRACE = 5_000
/** Milliseconds that devices have to reconnect after the broker has started. */
const RETURN = 15_000
const TRY_AGAIN = 1_000

export interface PresencePorts {
  storage: Storage
  isThere(user: UserId): boolean
  /** Tells the handlers; resolves when it is stored. */
  changed(user: UserId, online: boolean): Promise<void>
  log: Logger
}

/**
 * Which users are online: from their first connection until 5 seconds after their last. Users who reconnect soon after a restart were
 * never offline.
 */
export class Presence implements Closable {
  readonly #ports: PresencePorts
  /** Users who are online: true once the handlers were told, false while they are being told. */
  readonly #table
  /** Users whom the handlers believe to be online. */
  readonly #told: Set<UserId>
  /** Users of whom it is unknown what the handlers were told last: they are told again in any case. */
  readonly #unsure: Set<UserId>
  readonly #clocks = new Map<UserId, NodeJS.Timeout>()
  /** Changes that are being told; each user's one after another. */
  readonly #telling = new Map<UserId, Promise<void>>()
  #isClosed = false

  constructor(ports: PresencePorts) {
    this.#ports = ports
    this.#table = ports.storage.table<boolean>('present')
    const noted = [...this.#table.entries()].map(({ key, value }) => [key as UserId, value] as const)
    this.#told = new Set(noted.map(([user]) => user))
    this.#unsure = new Set(noted.flatMap(([user, isTold]) => (isTold ? [] : [user])))
    for (const user of this.#told) this.#look(user, RETURN)
  }

  /** A connection has begun. */
  connected(user: UserId): void {
    clearTimeout(this.#clocks.get(user))
    this.#clocks.delete(user)
    this.#tell(user)
  }

  /** A connection has ended. */
  disconnected(user: UserId): void {
    if (!this.#ports.isThere(user)) this.#look(user, GRACE)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const clock of this.#clocks.values()) clearTimeout(clock)
    await Promise.all(this.#telling.values())
  }

  #look(user: UserId, after: number): void {
    if (this.#isClosed) return
    clearTimeout(this.#clocks.get(user))
    const clock = setTimeout(() => {
      this.#clocks.delete(user)
      this.#tell(user)
    }, after)
    this.#clocks.set(user, clock)
  }

  /** Tells the handlers whether a user is online, if that differs from what they were told. */
  #tell(user: UserId): void {
    if (this.#isClosed || this.#telling.has(user)) return
    const online = this.#ports.isThere(user)
    if (online === this.#told.has(user) && !this.#unsure.has(user)) return
    const telling = this.#store(user, online)
      .catch((err: Error) => {
        this.#ports.log.warn(
          { user, reason: err.message },
          'cannot tell the handlers whether a user is online; trying again in a second',
        )
        this.#look(user, TRY_AGAIN)
      })
      .finally(() => {
        this.#telling.delete(user)
        if (!this.#clocks.has(user) && !this.#isClosed && this.#ports.isThere(user) !== this.#told.has(user)) {
          if (this.#ports.isThere(user)) this.#tell(user)
          else this.#look(user, GRACE)
        }
      })
    this.#telling.set(user, telling)
  }

  async #store(user: UserId, online: boolean): Promise<void> {
    const { storage } = this.#ports
    this.#unsure.add(user)
    // Stored first: a broker that is killed after telling the handlers must still know that this user can go offline.
    if (online) await storage.commit((unit) => unit.put(this.#table, user, false))
    await this.#ports.changed(user, online)
    await storage.commit((unit) => {
      if (online) unit.put(this.#table, user, true)
      else unit.remove(this.#table, user)
    })
    if (online) this.#told.add(user)
    else this.#told.delete(user)
    this.#unsure.delete(user)
  }
}
