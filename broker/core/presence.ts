import type { Logger } from '../../shared/log.ts'
import type { Closable } from '../../shared/shutdown.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { Storage } from '../storage/storage.ts'

/** Milliseconds after the last connection has gone before its user counts as gone. */
const GRACE = 5_000
/** Milliseconds that devices have to come back after the broker has started. */
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
 * Who is there, from what the broker knows of connections: a user is from the first of his connections on, until 5 seconds after
 * the last. Over a restart those who come back soon were never gone.
 */
export class Presence implements Closable {
  readonly #ports: PresencePorts
  /** Of those who are there, whether the handlers were told so; false is noted before they are. */
  readonly #table
  /** Those whom the handlers take to be there. */
  readonly #told: Set<UserId>
  /** Those of whom the handlers may have been told something else, or not: they are told in any case. */
  readonly #unsure: Set<UserId>
  readonly #clocks = new Map<UserId, NodeJS.Timeout>()
  /** Each user's changes, one after another. */
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
  came(user: UserId): void {
    clearTimeout(this.#clocks.get(user))
    this.#clocks.delete(user)
    this.#tell(user)
  }

  /** A connection has ended. */
  went(user: UserId): void {
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

  /** Tells how it is by now, if that is not what was told. */
  #tell(user: UserId): void {
    if (this.#isClosed || this.#telling.has(user)) return
    const online = this.#ports.isThere(user)
    if (online === this.#told.has(user) && !this.#unsure.has(user)) return
    const telling = this.#store(user, online)
      .catch((err: Error) => {
        this.#ports.log.warn({ user, reason: err.message }, 'cannot tell whether a user is there; tried again')
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
    // First: a broker that is killed behind the telling must not forget that there is somebody to be gone.
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
