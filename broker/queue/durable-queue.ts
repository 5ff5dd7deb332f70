import { createHash } from 'node:crypto'
import type { TimedEvent } from '../events.ts'
import { Oldest } from '../oldest.ts'
import type { Command } from '../session.ts'
import { steady } from '../steady.ts'
import type { Storage, Unit } from '../storage/storage.ts'
import { openOrder } from './order.ts'
import type { Appended, CommandQueue, Open } from './queue.ts'

interface Limits {
  /** Commands that have not ended, those that are not stored among them. */
  maxQueued: number
  /** Bytes of their payloads. */
  maxQueuedBytes: number
  /** Milliseconds for which an ended command's id and answer are remembered. */
  windowMs: number
}

interface Entry {
  command: Command
  /** Group to its failed attempts. */
  groups: Map<string, number>
}

interface Answered {
  digest: string
  until: number
  answer: TimedEvent | undefined
  /** Of a command whose answer is not remembered: the command's id, under which it runs again. */
  again?: string
}

/** Answers forgotten at each end, at most: more than one, so that they do not pile up. */
const FORGOTTEN_AT_ONCE = 4

/** The queue in the broker's storage, with its index in memory. */
export async function openQueue(storage: Storage, limits: Limits): Promise<CommandQueue> {
  const commands = storage.table<{ command: Command; groups: Record<string, number> }>('commands')
  const answers = storage.table<Answered>('answers')
  const nextOrder = await openOrder(storage)

  const entries = new Map<string, Entry>()
  let bytes = 0
  /** Ids of the devices' own, of commands that have not ended. */
  const inFlight = new Map<string, { digest: string; stored?: Promise<void> }>()
  /** The same of those that have, oldest first. */
  const answered = new Map<string, Omit<Answered, 'answer'>>()
  const oldest = new Oldest(answered)

  for (const { value } of commands.entries()) {
    hold({ command: value.command, groups: new Map(Object.entries(value.groups)) })
    const key = keyOf(value.command)
    const before = key === undefined ? undefined : answers.get(key)
    if (key !== undefined && (!before || before.again)) inFlight.set(key, { digest: digestOf(value.command) })
  }
  const known = [...answers.entries()].map(({ key, value: { digest, until, again } }) => {
    return [String(key), { digest, until, ...(again !== undefined && { again }) }] as const
  })
  for (const [key, one] of known.toSorted(([, a], [, b]) => a.until - b.until)) answered.set(key, one)

  function hold(entry: Entry): void {
    entries.set(entry.command.id, entry)
    bytes += entry.command.payload.length
  }
  function release({ command }: Entry): void {
    if (entries.delete(command.id)) bytes -= command.payload.length
  }
  function put(unit: Unit, { command, groups }: Entry): void {
    unit.put(commands, command.order, { command, groups: Object.fromEntries(groups) })
  }

  /** What is known of an id; a repeat is acknowledged no sooner than what it repeats is `stored`. */
  function recall(
    key: string,
    digest: string,
  ): { appended: Appended; stored?: Promise<void> | undefined; again?: string | undefined } | undefined {
    const open = inFlight.get(key)
    const ended = open ? undefined : answered.get(key)
    if (!open && (!ended || ended.until <= steady())) return undefined
    if ((open ?? ended)!.digest !== digest) return { appended: { kind: 'conflict' } }
    const answer = open ? undefined : answers.get(key)?.answer
    return { appended: { kind: 'repeat', answer }, stored: open?.stored, again: ended?.again }
  }

  function forgetOld(unit: Unit): void {
    for (let left = FORGOTTEN_AT_ONCE; left > 0; left--) {
      const [key, { until }] = oldest.entry ?? ['', { until: Infinity }]
      if (until > steady() && answered.size <= limits.maxQueued) return
      answered.delete(key)
      if (!inFlight.has(key)) unit.remove(answers, key)
    }
  }

  return {
    nextOrder,

    async append(asked, groups, isRetransmitted = false) {
      const key = keyOf(asked)
      const digest = key === undefined ? '' : digestOf(asked)
      const before = key === undefined ? undefined : recall(key, digest)
      const again = isRetransmitted ? undefined : before?.again
      if (before && again === undefined) {
        await before.stored
        return before.appended
      }
      const command = again === undefined || entries.has(again) ? asked : { ...asked, id: again }
      const isFull = entries.size >= limits.maxQueued || bytes + command.payload.length > limits.maxQueuedBytes
      if (isFull || (command.stored && !storage.hasRoom())) return { kind: 'full' }
      const entry: Entry = { command, groups: new Map(groups.map((group) => [group, 0])) }
      hold(entry)
      if (!command.stored) return { kind: 'new', command }
      const stored = storage.commit((unit) => {
        put(unit, entry)
        unit.otherwise(() => {
          release(entry)
          if (key !== undefined) inFlight.delete(key)
        })
      })
      if (key !== undefined) inFlight.set(key, { digest, stored })
      await stored
      return { kind: 'new', command }
    },

    isOpen(command) {
      const key = keyOf(command)
      return entries.has(command.id) || (key !== undefined && inFlight.has(key))
    },

    revive(unit, command, groups) {
      const key = keyOf(command)
      const entry: Entry = { command, groups: new Map(groups.map((group) => [group, 0])) }
      put(unit, entry)
      hold(entry)
      unit.otherwise(() => release(entry))
      if (key === undefined) return
      if (answered.has(key)) unit.remove(answers, key)
      const stored = new Promise<void>((resolve, reject) => {
        unit.afterwards(resolve)
        unit.otherwise(() => reject(new Error('a dead letter could not be stored as a command')))
      })
      stored.catch(() => {}) // who replays it hears of it
      inFlight.set(key, { digest: digestOf(command), stored })
      unit.afterwards(() => answered.delete(key))
      unit.otherwise(() => inFlight.delete(key))
    },

    finish(unit, command, group, told) {
      const entry = entries.get(command.id)
      if (!entry) return
      const failed = entry.groups.get(group) ?? 0
      entry.groups.delete(group)
      const isOver = entry.groups.size === 0
      if (!command.stored) {
        if (isOver) release(entry)
        return
      }
      if (isOver) unit.remove(commands, command.order)
      else put(unit, entry)

      const key = keyOf(command)
      const until = steady() + limits.windowMs
      const digest = key === undefined ? '' : digestOf(command)
      const again = command.onlyTo !== undefined && { again: command.id }
      const answer = again ? undefined : told?.answer
      if (told && key !== undefined) unit.put(answers, key, { digest, until, answer, ...again })
      forgetOld(unit)
      unit.afterwards(() => {
        if (isOver) release(entry)
        if (!told || key === undefined) return
        inFlight.delete(key)
        answered.delete(key)
        answered.set(key, { digest, until, ...again })
      })
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

    *open(): Generator<Open> {
      for (const entry of [...entries.values()].toSorted((a, b) => a.command.order - b.command.order)) yield entry
    },
  }
}

/** A user's own id of a command, as a key of fixed size; where the asking client alone is answered, that client's own. */
function keyOf({ user, onlyTo, re, stored }: Command): string | undefined {
  if (re === undefined || !stored) return undefined
  return createHash('sha256')
    .update(onlyTo === undefined ? `${user}/${re}` : `${onlyTo}\n${re}`)
    .digest('base64url')
}

/** What was asked: the command and its payload. */
function digestOf({ name, payload }: Command): string {
  return createHash('sha256').update(`${name} `).update(payload).digest('base64url').slice(0, 22)
}
