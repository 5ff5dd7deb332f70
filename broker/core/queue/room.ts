import type { UserId } from '../../../shared/wire/user-id.ts'
import { NEARLY, percent, type Fullness } from '../../metrics/fullness.ts'
import { Oldest } from '../../../shared/oldest.ts'

/** A number of commands, and their bytes. */
export interface Amount {
  commands: number
  bytes: number
}

export interface Bounds {
  readonly all: Readonly<Amount>
  readonly perUser: Readonly<Amount>
}

/** Whose share of the queue is full. */
export type Full = 'user' | 'group' | 'all'

/** A command that takes room in the queue for a group. */
export interface Placed {
  readonly user: UserId
  readonly group: string
  readonly bytes: number
  /** Internal commands do not count towards their user's share: the user has not sent them. */
  readonly isInternal: boolean
}

/** Observers may hold 1/OBSERVERS of the queue's bounds, in addition to what owners hold. */
const OBSERVERS = 4

/**
 * Counts what the queue holds, in total and by user and group, so that nobody's backlog takes the room of others:
 *
 * - a user has a fixed share;
 * - a group may hold as much as is still free: the first group that is away gets half, the second a third, and so on, so that working
 *   groups always find room;
 * - commands that wait only for observers have room of their own. When that is full, the observer that holds the most loses its oldest.
 */
export class Room<Item extends Placed> {
  readonly #bounds: Bounds
  readonly #all: Amount = { commands: 0, bytes: 0 }
  readonly #users = new Map<UserId, Amount>()
  readonly #groups = new Map<string, Amount>()
  readonly #observed: Amount = { commands: 0, bytes: 0 }
  readonly #observers = new Map<string, Backlog<Item>>()

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  /** Whose share has no room for one more command; undefined when there is room. A user or group that holds nothing has room for one. */
  fullFor({ user, group, bytes, isInternal }: Placed): Full | undefined {
    const { all, perUser } = this.#bounds
    if (exceeds(this.#all, bytes, all)) return 'all'
    const sent = this.#users.get(user)
    if (sent && !isInternal && exceeds(sent, bytes, perUser)) return 'user'
    const held = this.#groups.get(group)
    return held && exceeds(held, bytes, this.#free()) ? 'group' : undefined
  }

  /** What this user has sent that has not ended. */
  heldBy(user: UserId): Amount {
    return { ...(this.#users.get(user) ?? { commands: 0, bytes: 0 }) }
  }

  /** Counts a command that its owner has to end. */
  add({ user, group, bytes, isInternal }: Placed): void {
    add(this.#all, bytes)
    add(amountOf(this.#groups, group), bytes)
    if (!isInternal) add(amountOf(this.#users, user), bytes)
  }

  /** The owner has ended the command, or it was not stored. */
  remove({ user, group, bytes, isInternal }: Placed): void {
    subtract(this.#all, bytes)
    subtractFrom(this.#groups, group, bytes)
    if (!isInternal) subtractFrom(this.#users, user, bytes)
  }

  /** Counts a command that waits for an observer alone. */
  addObserved(item: Item): void {
    let backlog = this.#observers.get(item.group)
    if (!backlog) this.#observers.set(item.group, (backlog = new Backlog()))
    backlog.items.set(item, item)
    add(backlog, item.bytes)
    add(this.#observed, item.bytes)
  }

  /** An observer has ended the command. */
  removeObserved(item: Item): void {
    const backlog = this.#observers.get(item.group)
    if (!backlog?.items.delete(item)) return
    subtract(this.#observed, item.bytes)
    if (subtract(backlog, item.bytes) === 0) this.#observers.delete(item.group)
  }

  /** While observers hold more than they may: removes the oldest command of the one that holds the most, and returns it. */
  surplus(): Item | undefined {
    if (!exceeds(this.#observed, 0, this.#forObservers, 0)) return undefined
    const [, backlog] = most(this.#observers, (amount) => part(amount, this.#forObservers))!
    const item = backlog.oldest.entry![0]
    this.removeObserved(item)
    return item
  }

  /** How full the queue is, for operators. */
  fullness(): Fullness[] {
    const { all } = this.#bounds
    const kinds = [
      ['queued', 'commands', this.#all, all, this.#groups, 'group', 'commands are refused (unavailable)'],
      [
        'observed',
        'commands that wait for observers alone',
        this.#observed,
        this.#forObservers,
        this.#observers,
        'observer',
        'the oldest are dropped',
      ],
    ] as const
    return kinds.map(([kind, what, { bytes: used, commands }, bound, holders, holding, beyond]) => {
      const holder = most<Amount>(holders, (amount) => part(amount, bound))
      const limit = bound.bytes
      return {
        kind,
        what,
        used,
        limit,
        part: part({ commands, bytes: used }, bound),
        most: holder && `the ${holding} ${holder[0]}`,
        beyond,
      }
    })
  }

  /** A warning for each group that holds nearly all it may. */
  nearlyFull(): string[] {
    const free = this.#free()
    return [...this.#groups].flatMap(([group, amount]) => {
      const held = part(amount, free)
      if (held < NEARLY) return []
      return [
        `the group ${group} holds ${percent(held)} of its share of the queue; when it is full, its commands are refused (unavailable)`,
      ]
    })
  }

  #free(): Amount {
    const { commands, bytes } = this.#bounds.all
    return { commands: commands - this.#all.commands, bytes: bytes - this.#all.bytes }
  }

  get #forObservers(): Amount {
    const { commands, bytes } = this.#bounds.all
    return { commands: Math.ceil(commands / OBSERVERS), bytes: Math.ceil(bytes / OBSERVERS) }
  }
}

/** The commands that wait for one observer, the oldest first. */
class Backlog<Item> implements Amount {
  commands = 0
  bytes = 0
  readonly items = new Map<Item, Item>()
  readonly oldest = new Oldest(this.items)
}

function exceeds({ commands, bytes }: Amount, more: number, bound: Readonly<Amount>, one = 1): boolean {
  return commands + one > bound.commands || bytes + more > bound.bytes
}

/** The part of a bound that is used, by commands or by bytes, whichever is larger. */
function part({ commands, bytes }: Readonly<Amount>, bound: Readonly<Amount>): number {
  return Math.max(commands / Math.max(bound.commands, 1), bytes / Math.max(bound.bytes, 1))
}

function add(amount: Amount, bytes: number): void {
  amount.commands++
  amount.bytes += bytes
}

/** @returns how many commands are left */
function subtract(amount: Amount, bytes: number): number {
  amount.bytes -= bytes
  return --amount.commands
}

function subtractFrom(amounts: Map<string, Amount>, key: string, bytes: number): void {
  const amount = amounts.get(key)
  if (amount && subtract(amount, bytes) === 0) amounts.delete(key)
}

function amountOf(amounts: Map<string, Amount>, key: string): Amount {
  let amount = amounts.get(key)
  if (!amount) amounts.set(key, (amount = { commands: 0, bytes: 0 }))
  return amount
}

function most<Value>(of: ReadonlyMap<string, Value>, measure: (value: Value) => number): [string, Value] | undefined {
  let found: [string, Value] | undefined
  for (const one of of) if (!found || measure(one[1]) > measure(found[1])) found = one
  return found
}
