import type { Closable } from '../../shared/shutdown.ts'
import type { LaterCommands } from '../../shared/wire/done.ts'
import { commandName } from '../../shared/wire/topic.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { Command } from '../seam/session.ts'
import type { CommandQueue } from './queue/queue.ts'
import type { Placed } from './queue/room.ts'
import { sizeOfIds } from './queue/size.ts'
import type { Storage, Table, Unit } from '../storage/storage.ts'
import { callAt } from '../../shared/timer.ts'

/** A command that is to be sent in a user's name at a time in milliseconds since 1970. */
interface Due {
  at: number
  user: UserId
  command: string
  input: object
}

/** Milliseconds before a command that found no room is sent again: doubled each time, up to a limit. */
const [TRY_AGAIN, MAX_TRY_AGAIN] = [1_000, 30_000]

/** A command that waits for its time. Memory holds its place in the queue alone, not its input. */
interface Scheduled {
  readonly placed: Placed
  tries: number
  stop: (() => void) | undefined
}

export interface LaterPorts {
  storage: Storage
  /** What is scheduled counts as waiting in the queue already, so that its bounds hold for it too. */
  queue: Pick<CommandQueue, 'reserve' | 'release'>
  ownerOf(command: string): string | undefined
  /** Sends a command; resolves when it is stored. */
  send(user: UserId, name: Command['name'], input: object): Promise<void>
}

/** Commands that handlers have scheduled for later. Each is sent when it is due, also after a restart; at worst twice. */
export class Later implements Closable {
  readonly #ports: LaterPorts
  readonly #table: Table<Due>
  readonly #scheduled = new Map<number, Scheduled>()
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
    return this.#scheduled.size
  }

  /** Resumes what was scheduled before this broker started. */
  resume(): void {
    for (const { key, value } of this.#table.entries()) this.#schedule(Number(key), value)
  }

  /** Stores what a command has scheduled, in the unit of its end. `atOnce`: without delay, because the command was refused after all. */
  add(unit: Unit, user: UserId, wanted: LaterCommands, atOnce: boolean): void {
    for (const { after_ms, command, input } of wanted) {
      const key = ++this.#lastKey
      const due: Due = { at: Date.now() + (atOnce ? 0 : after_ms), user, command, input }
      unit.put(this.#table, key, due)
      unit.afterwards(() => this.#schedule(key, due))
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const { stop } of this.#scheduled.values()) stop?.()
    await Promise.all(this.#sending)
  }

  #schedule(key: number, { at, user, command, input }: Due): void {
    const group = this.#ports.ownerOf(command) ?? command
    const bytes = sizeOfIds({ user, re: undefined }) + command.length + JSON.stringify(input).length
    // What is due at once takes nobody's share: an event for someone who is away causes it, not they themselves.
    const one: Scheduled = {
      placed: { user, group, bytes, isInternal: at <= Date.now() },
      tries: 0,
      stop: undefined,
    }
    this.#scheduled.set(key, one)
    this.#arm(key, one, at)
  }

  #arm(key: number, one: Scheduled, at: number): void {
    if (this.#isClosed) return
    this.#ports.queue.reserve(one.placed)
    one.stop = callAt(at, () => {
      one.stop = undefined
      const sending = this.#send(key, one).finally(() => this.#sending.delete(sending))
      this.#sending.add(sending)
    })
  }

  async #send(key: number, one: Scheduled): Promise<void> {
    const { storage, queue } = this.#ports
    queue.release(one.placed)
    try {
      const due = this.#table.get(key)
      if (due) await this.#ports.send(due.user, commandName(due.command), due.input)
      await storage.commit((unit) => unit.remove(this.#table, key))
      this.#scheduled.delete(key)
    } catch {
      const delay = Math.min(TRY_AGAIN * 2 ** one.tries++, MAX_TRY_AGAIN)
      this.#arm(key, one, Date.now() + delay) // the queue is full or cannot store, which is logged there
    }
  }
}
