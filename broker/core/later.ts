import type { Closable } from '../../shared/shutdown.ts'
import type { LaterCommands } from '../../shared/wire/done.ts'
import { commandName } from '../../shared/wire/topic.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { Command } from '../seam/session.ts'
import type { Storage, Table, Unit } from '../storage/storage.ts'
import { callAt } from '../../shared/timer.ts'

/** A command that is to be sent in a user's name at a time in milliseconds since 1970. */
interface Due {
  at: number
  user: UserId
  command: string
  input: object
}

const TRY_AGAIN = 1_000

export interface LaterPorts {
  storage: Storage
  /** Sends a command; resolves when it is stored. */
  send(user: UserId, name: Command['name'], input: object): Promise<void>
}

/** Commands that handlers have scheduled for later. Each is sent when it is due, also after a restart; at worst twice. */
export class Later implements Closable {
  readonly #ports: LaterPorts
  readonly #table: Table<Due>
  readonly #clocks = new Map<number, () => void>()
  readonly #sending = new Set<Promise<void>>()
  #lastKey = 0
  #isClosed = false

  constructor(ports: LaterPorts) {
    this.#ports = ports
    this.#table = ports.storage.table<Due>('later')
    for (const { key } of this.#table.entries()) this.#lastKey = Number(key)
  }

  /** How many commands are scheduled. */
  get size(): number {
    return this.#clocks.size + this.#sending.size
  }

  /** Resumes what was scheduled before this broker started. */
  resume(): void {
    for (const { key, value } of this.#table.entries()) this.#arm(Number(key), value)
  }

  /** Stores what a command has scheduled, in the unit of its end. `atOnce`: without delay, because the command was refused after all. */
  add(unit: Unit, user: UserId, wanted: LaterCommands, atOnce: boolean): void {
    for (const { after_ms, command, input } of wanted) {
      const key = ++this.#lastKey
      const due: Due = { at: Date.now() + (atOnce ? 0 : after_ms), user, command, input }
      unit.put(this.#table, key, due)
      unit.afterwards(() => this.#arm(key, due))
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const stop of this.#clocks.values()) stop()
    await Promise.all(this.#sending)
  }

  #arm(key: number, due: Due, at = due.at): void {
    if (this.#isClosed) return
    const call = (): void => {
      this.#clocks.delete(key)
      const sending = this.#send(key, due).finally(() => this.#sending.delete(sending))
      this.#sending.add(sending)
    }
    this.#clocks.set(key, callAt(at, call))
  }

  async #send(key: number, due: Due): Promise<void> {
    try {
      await this.#ports.send(due.user, commandName(due.command), due.input)
      await this.#ports.storage.commit((unit) => unit.remove(this.#table, key))
    } catch {
      this.#arm(key, due, Date.now() + TRY_AGAIN) // the queue is full or cannot store, which is logged there
    }
  }
}
