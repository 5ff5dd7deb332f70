import type { TimedEvent } from '../events/events.ts'
import { Oldest } from '../../../shared/oldest.ts'
import type { Command } from '../../seam/session.ts'
import { steady } from '../../../shared/steady.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import { digestOf, keyOf } from './command-key.ts'
import { commandRecord, decodeAnswer, encodeAnswer, type Ended } from './command-record.ts'
import { openOrder } from './order.ts'
import type { Appended, CommandQueue, Open } from './queue.ts'
import { Room, type Bounds, type Placed } from './room.ts'

interface Limits extends Bounds {
  /** Milliseconds for which an ended command's id and answer are remembered. */
  windowMs: number
}

/** A command that has not ended in all its groups. */
interface Entry extends Placed {
  readonly command: Command
  /** Group to its failed attempts. */
  readonly groups: Map<string, number>
  /** By what a repeat is known; undefined when the device gave no id, or it is not stored. */
  readonly key: string | undefined
  /** Resolves when it is on the disk. */
  stored?: Promise<void>
  /** Its owner has ended it. */
  ended?: Ended | undefined
}

/** What is remembered of a command that its owner has ended; its answer is on the disk. */
type Remembered = Pick<Ended, 'digest' | 'until' | 'again'> & {
  /** The key of its record. */
  readonly order: number
  /** Other groups have not ended it. */
  entry: Entry | undefined
}

/** Answers forgotten at each end, at most: more than one, so that they do not pile up. */
const FORGOTTEN_AT_ONCE = 4

/** The queue in the broker's storage, with its index in memory. */
export async function openQueue(storage: Storage, limits: Limits): Promise<CommandQueue> {
  const records = storage.table('queue', commandRecord)
  const nextOrder = await openOrder(storage)

  const entries = new Map<string, Entry>()
  const room = new Room<Entry>(limits)
  /** By the devices' own ids, those whose owner has not ended them. */
  const inFlight = new Map<string, Entry>()
  /** The same of those that have, oldest first. */
  const answered = new Map<string, Remembered>()
  const oldest = new Oldest(answered)

  const known: [string, Remembered][] = []
  for (const { key, value } of records.entries()) {
    const entry = value.open && entryOf(value.open.command, value.open.groups)
    if (entry) entries.set(entry.command.id, entry)
    if (entry?.key !== undefined && !value.ended) inFlight.set(entry.key, entry)
    if (!value.ended) continue
    if (entry) entry.ended = value.ended
    known.push([value.ended.key, rememberedOf(Number(key), value.ended, entry)])
  }
  for (const [key, one] of known.toSorted(([, a], [, b]) => a.until - b.until)) remember(key, one)

  function remember(key: string, one: Remembered): void {
    answered.delete(key)
    answered.set(key, one)
  }
  function hold(entry: Entry): void {
    entries.set(entry.command.id, entry)
    if (entry.owner !== undefined) room.take(entry)
    else for (const group of entry.groups.keys()) room.observe(group, entry)
  }
  function release(entry: Entry): void {
    if (!entries.delete(entry.command.id)) return
    if (entry.owner !== undefined) room.give(entry)
    else for (const group of entry.groups.keys()) room.observeNoMore(group, entry)
  }
  /** A group has ended it: what other groups still have to do counts as theirs once its owner has. */
  function leave(entry: Entry, group: string): void {
    if (entry.owner === undefined) room.observeNoMore(group, entry)
    if (entry.groups.size === 0) return release(entry)
    if (entry.owner !== group) return
    room.give(entry)
    entry.owner = undefined
    for (const other of entry.groups.keys()) room.observe(other, entry)
  }
  /** Stores what an entry is by now; once all groups have ended it, what is remembered of it. */
  function put(unit: Unit, { command, groups, ended }: Entry): void {
    const open = groups.size > 0 ? { command, groups } : undefined
    if (open || ended) unit.put(records, command.order, { open, ended })
    else unit.remove(records, command.order)
  }
  /** Removes what is remembered, and the command with it, unless that is open in other groups. */
  function forget(unit: Unit, { order, entry }: Remembered): void {
    const ended = entry?.ended
    if (!ended) return unit.remove(records, order)
    entry.ended = undefined
    put(unit, entry)
    unit.otherwise(() => (entry.ended = ended))
  }

  /** What is known of an id; a repeat is acknowledged no sooner than what it repeats is `stored`. */
  function recall({
    key = '',
    command,
  }: Entry): { appended: Appended; stored?: Promise<void> | undefined; again?: string | undefined } | undefined {
    const open = inFlight.get(key)
    const ended = open ? undefined : answered.get(key)
    if (!open && (!ended || ended.until <= steady())) return undefined
    const digest = open ? digestOf(open.command) : ended!.digest
    if (digest !== digestOf(command)) return { appended: { kind: 'conflict' } }
    const answer = ended && answerOf(ended)
    return { appended: { kind: 'repeat', answer }, stored: open?.stored, again: ended?.again }
  }

  function answerOf({ order }: Remembered): TimedEvent | undefined {
    const answer = records.get(order)?.ended?.answer
    return answer && decodeAnswer(answer)
  }

  function forgetOld(unit: Unit): void {
    for (let left = FORGOTTEN_AT_ONCE; left > 0; left--) {
      const [key, one] = oldest.entry ?? []
      if (!one || (one.until > steady() && answered.size <= limits.all.commands)) return
      answered.delete(key!)
      forget(unit, one)
    }
  }

  return {
    nextOrder,

    async append(asked, groups, isRetransmitted = false) {
      let entry = entryOf(asked, untried(groups), groups[0])
      const { key } = entry
      const before = key === undefined ? undefined : recall(entry)
      const again = isRetransmitted ? undefined : before?.again
      if (before && again === undefined) {
        await before.stored
        return before.appended
      }
      if (again !== undefined && !entries.has(again)) entry = { ...entry, command: { ...asked, id: again } }
      const { command } = entry
      const share = command.stored && !storage.hasRoom() ? 'all' : room.fullFor(entry)
      if (share) return { kind: 'full', share }
      hold(entry)
      if (!command.stored) return { kind: 'new', command }
      if (key !== undefined) inFlight.set(key, entry)
      entry.stored = storage.commit((unit) => {
        put(unit, entry)
        unit.otherwise(() => {
          release(entry)
          if (key !== undefined) inFlight.delete(key)
        })
      })
      await entry.stored
      return { kind: 'new', command }
    },

    isOpen(command) {
      const key = keyOf(command)
      return entries.has(command.id) || (key !== undefined && inFlight.has(key))
    },

    revive(unit, command, groups, owner) {
      const entry = entryOf(
        command,
        untried(groups),
        groups.find((group) => group === owner),
      )
      const { key } = entry
      put(unit, entry)
      hold(entry)
      unit.otherwise(() => release(entry))
      if (key === undefined) return
      const before = answered.get(key)
      if (before) forget(unit, before)
      entry.stored = new Promise<void>((resolve, reject) => {
        unit.afterwards(resolve)
        unit.otherwise(() => reject(new Error('a dead letter could not be stored as a command')))
      })
      entry.stored.catch(() => {}) // who replays it hears of it
      inFlight.set(key, entry)
      unit.afterwards(() => answered.delete(key))
      unit.otherwise(() => inFlight.delete(key))
    },

    finish(unit, command, group, told) {
      const entry = entries.get(command.id)
      if (!entry) return
      const failed = entry.groups.get(group) ?? 0
      entry.groups.delete(group)
      const isOver = entry.groups.size === 0
      if (!command.stored) return leave(entry, group)
      const { key, ended: endedBefore } = entry
      if (told && key !== undefined) {
        const again = command.onlyTo === undefined ? undefined : command.id
        const answer = again === undefined && told.answer ? encodeAnswer(told.answer) : undefined
        const ended: Ended = { key, digest: digestOf(command), until: steady() + limits.windowMs, again, answer }
        entry.ended = ended
        const before = answered.get(key)
        if (before) forget(unit, before)
        unit.afterwards(() => {
          inFlight.delete(key)
          remember(key, rememberedOf(command.order, ended, isOver ? undefined : entry))
        })
      }
      put(unit, entry)
      forgetOld(unit)
      unit.afterwards(() => leave(entry, group))
      unit.otherwise(() => (entry.ended = endedBefore))
      unit.otherwise(() => entry.groups.set(group, failed))
    },

    tried(command, group, failed) {
      const entry = entries.get(command.id)
      if (!entry?.groups.has(group)) return
      entry.groups.set(group, failed)
      storage.eventually((unit) => {
        if (entry.groups.has(group)) put(unit, entry)
      })
    },

    fullness: () => room.fullness(),
    nearlyFull: () => room.nearlyFull(),

    surplus() {
      const found = room.surplus()
      return found && { group: found.group, command: found.item.command }
    },

    *open(ownerOf): Generator<Open> {
      for (const entry of [...entries.values()].toSorted((a, b) => a.command.order - b.command.order)) {
        const owner = ownerOf(entry.command.name)
        if (owner !== undefined && entry.groups.has(owner)) entry.owner = owner
        hold(entry)
        yield entry
      }
    },
  }
}

function entryOf(command: Command, groups: Map<string, number>, owner?: string): Entry {
  const { user, internal = false } = command
  return { command, user, groups, key: keyOf(command), owner, bytes: sizeOf(command), isInternal: internal }
}

/** Bytes of a command, in memory and on the disk, beside the fields of any length that its sender chooses. */
const PER_COMMAND = 400

/** All that a command takes. */
function sizeOf({ payload, correlation, responseTopic, re, user, client, jti }: Command): number {
  const texts = [responseTopic, re, re, user, user, client, jti]
  return texts.reduce(
    (bytes, text) => bytes + (text?.length ?? 0),
    PER_COMMAND + payload.length + (correlation?.length ?? 0),
  )
}

function untried(groups: readonly string[]): Map<string, number> {
  const failed = new Map<string, number>()
  for (const group of groups) failed.set(group, 0)
  return failed
}

function rememberedOf(order: number, { digest, until, again }: Ended, entry: Entry | undefined): Remembered {
  return { order, digest, until, again, entry }
}
