import type { UserId } from '../../../shared/wire/user-id.ts'
import { steady } from '../../../shared/steady.ts'
import { Job, type InHand } from '../dispatch/job.ts'
import type { Command } from '../../seam/session.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import { digestOf, keyOf } from './command-key.ts'
import { commandRecord, decodeAnswer, encodeAnswer, type CommandRecord, type Ended } from './command-record.ts'
import { openForgottenAnswers } from './forgotten-answers.ts'
import { Fresh } from './fresh.ts'
import { JobRoom } from './job-room.ts'
import { KeyTable, wordsOf } from './key-table.ts'
import { openOrder } from './order.ts'
import type { Appended, CommandQueue } from './queue.ts'
import { Remembered, type Bounds as RememberedBounds } from './remembered.ts'
import type { Bounds } from './room.ts'
import { sizeOf } from './size.ts'
import { storedJobs } from './stored-jobs.ts'

interface Limits extends Bounds {
  /** Bounds on remembered answers. */
  readonly remembered: RememberedBounds
  /** Milliseconds for which an ended command's id and answer are remembered. */
  readonly windowMs: number
}

/** A command that is being stored. */
interface Storing {
  readonly command: Command
  /** Resolves when it is. */
  stored: Promise<void> | undefined
}

/** An id that came before. */
interface Known {
  readonly order: number
  readonly record: CommandRecord
  /** Resolves when it is on the disk. */
  readonly stored?: Promise<void> | undefined
}

/** A command's key, if it has one, and the earlier command with that key. */
interface IdLookup {
  readonly key: string | undefined
  readonly before: Known | undefined
}

const NO_GROUPS: ReadonlyMap<string, number> = new Map()

/** Ends forgotten, and answers dropped, at each end, at most. More than one of each, so that they do not pile up. */
const AT_ONCE = 4
/** Stands for an answer that is no longer kept. */
const NO_BODY = Buffer.alloc(0)

/** The queue in the broker's storage. Memory holds a job for each waiting command and group, and the hashes of ids. */
export async function openQueue(storage: Storage, limits: Limits): Promise<CommandQueue> {
  const records = storage.table('queue', commandRecord)
  const nextOrder = await openOrder(storage)
  const room = new JobRoom(limits)
  const fresh = new Fresh()
  /** The orders of commands, open or remembered, by the devices' ids. */
  const orders = new KeyTable()
  const remembered = new Remembered(limits.remembered)
  const forgotten = openForgottenAnswers(storage, limits.windowMs)
  /** By order: commands that are being stored, and ends that are being stored of commands that others still observe. */
  const storing = new Map<number, Storing>()
  const ending = new Map<number, Ended>()
  /** The orders of replayed dead letters by command id, since their ids contain older orders. */
  const revived = new Map<string, number>()
  let loaded = storedJobs(storage, { orders, remembered, revived })

  function remember(ended: Ended, order: number, user: UserId): void {
    const { key, until, answer } = ended
    remembered.push({ key, order, until, body: answer?.length ?? 0, user })
  }

  /** The jobs of a new command; the owner's comes first, if there is one. */
  function jobsOf(command: Command, key: string | undefined, groups: readonly string[], owner?: string): Job[] {
    const bytes = sizeOf(command)
    const inHand: InHand = { command, key }
    const jobs = groups.map((group) => new Job(command, group, bytes))
    for (const job of jobs) {
      job.inHand = inHand
      job.isOwner = job.group === owner
      if (jobs.length > 1) job.siblings = jobs
      if (command.stored) fresh.add(job)
    }
    room.hold(jobs)
    return jobs
  }

  /** Loads a job's command and key. Undefined when the record is broken. */
  function inHand(job: Job): InHand | undefined {
    if (job.inHand) return job.inHand
    const command = records.get(job.order)?.open?.command
    if (!command) return undefined
    // A dead letter that was replayed for an observer alone leaves the owner's answer as it is.
    const key = revived.get(command.id) === job.order && !ofOwner(job) ? undefined : keyOf(command)
    return (job.inHand = { command, key })
  }
  const ofOwner = (job: Job): boolean => job.isOwner || job.siblings?.some(({ isOwner }) => isOwner) === true

  /** Stores a command's record: the groups that have not ended it, and how it has ended. */
  function put(unit: Unit, order: number, command: Command | undefined, open: readonly Job[], ended?: Ended): void {
    const groups = new Map<string, number>()
    for (const { group, attempt } of open) groups.set(group, attempt - 1)
    const isOpen = open.length > 0 && command !== undefined
    if (isOpen || ended) unit.put(records, order, { open: isOpen ? { command, groups } : undefined, ended })
    else unit.remove(records, order)
  }

  /** How the owner has ended the command of a job that still runs. */
  function endedBefore({ order, isOwner, siblings }: Job): Ended | undefined {
    if (isOwner && !siblings) return undefined
    return ending.get(order) ?? records.get(order)?.ended
  }

  function recall(key: string): Known | undefined {
    const order = orders.get(key)
    if (order === undefined) return undefined
    const one = storing.get(order)
    if (one) return { order, record: { open: { command: one.command, groups: NO_GROUPS } }, stored: one.stored }
    const record = records.get(order)
    return record && { order, record }
  }

  const known = (key: string | undefined): IdLookup => ({ key, before: key === undefined ? undefined : recall(key) })

  /** The outcome for a command whose id came before; undefined when the idempotency window is over. */
  function repeated({ record: { open, ended } }: Known, command: Command): Appended | undefined {
    if (ended && ended.until <= steady()) return undefined
    const digest = ended ? ended.digest : open && digestOf(open.command)
    if (digest !== digestOf(command)) return { kind: 'conflict' }
    if (!ended?.answer) return { kind: 'repeat', answer: undefined }
    const answer = ended.answer.length === 0 ? undefined : decodeAnswer(ended.answer)
    if (answer && !forgotten.has(answer, ended.until)) return { kind: 'repeat', answer }
    return { kind: 'repeat', answer: undefined, isDropped: true }
  }

  /** Forgets ends that are too old or too many, and drops answers beyond their bytes. */
  function forgetOld(unit: Unit): void {
    forgotten.tidy(unit)
    for (let left = AT_ONCE; left > 0 && remembered.size > 0; left--) {
      if (remembered.until > steady() && remembered.size <= limits.all.commands) break
      const { order, words } = remembered.shift()
      orders.delete(words, order)
      unit.remove(records, order)
    }
    for (let left = AT_ONCE; left > 0; left--) {
      const order = remembered.shed()
      if (order === undefined) return
      const ended = records.get(order)?.ended
      if (ended) unit.put(records, order, { ended: { ...ended, answer: NO_BODY } })
    }
  }

  /** The end of a command for its device, with its answer if there is room for it. */
  function end({ command, key }: InHand, answer: Parameters<typeof encodeAnswer>[0] | undefined): Ended | undefined {
    if (key === undefined) return undefined
    const again = command.onlyTo === undefined ? undefined : command.id
    const body = again === undefined && answer ? encodeAnswer(answer) : undefined
    const kept = body && !remembered.hasRoom(command.user, body.length) ? NO_BODY : body
    return { key, digest: digestOf(command), until: steady() + limits.windowMs, again, answer: kept }
  }

  /**
   * Stores a new command. Its id is known from now on, and `one` stands for its record until that is stored.
   * @param before the earlier command with the same id
   */
  function storeNew(unit: Unit, { key, before }: IdLookup, order: number, one: Storing, jobs: readonly Job[]): void {
    put(unit, order, one.command, jobs)
    // Removes the earlier record of the same id, unless observers still work on that command.
    if (before && !before.record.open) unit.remove(records, before.order)
    if (key !== undefined) {
      orders.set(key, order)
      storing.set(order, one)
      unit.afterwards(() => storing.delete(order))
    }
    unit.otherwise(() => {
      room.release(jobs)
      if (key === undefined) return
      storing.delete(order)
      orders.delete(wordsOf(key), order)
      if (before) orders.set(key, before.order)
    })
  }

  function append(asked: Command, groups: readonly string[], isRetransmitted: boolean): Promise<Appended> {
    const { key, before } = known(keyOf(asked))
    const repeat = before && repeated(before, asked)
    const again = repeat?.kind === 'repeat' && !isRetransmitted ? before!.record.ended?.again : undefined
    if (repeat && again === undefined) return before.stored?.then(() => repeat) ?? Promise.resolve(repeat)
    const command = again !== undefined && !before!.record.open ? { ...asked, id: again } : asked
    const { order, user, internal: isInternal = false } = command
    const placed = { user, group: groups[0]!, bytes: sizeOf(command), isInternal }
    const share = command.stored && !storage.hasRoom() ? 'all' : room.fullFor(placed)
    if (share) return Promise.resolve({ kind: 'full', share })
    const jobs = jobsOf(command, key, groups, groups[0])
    if (!command.stored) return Promise.resolve({ kind: 'new', jobs })
    const one: Storing = { command, stored: undefined }
    one.stored = storage.commit((unit) => storeNew(unit, { key, before }, order, one, jobs))
    return one.stored.then(() => ({ kind: 'new', jobs }))
  }

  return {
    nextOrder,

    append(asked, groups, isRetransmitted = false) {
      try {
        return append(asked, groups, isRetransmitted)
      } catch (err) {
        return Promise.reject(err) // the record of its id cannot be read
      }
    },

    isOpen(command) {
      const key = keyOf(command)
      if (revived.has(command.id) || records.get(command.order)?.open) return true
      return key !== undefined && recall(key)?.record.open !== undefined
    },

    revive(unit, command, groups, owner) {
      const isAnswered = owner !== undefined && groups.includes(owner)
      const key = isAnswered ? keyOf(command) : undefined
      const jobs = jobsOf(command, key, groups, owner)
      revived.set(command.id, command.order)
      unit.otherwise(() => revived.delete(command.id))
      const stored = new Promise<void>((resolve, reject) => {
        unit.afterwards(resolve)
        unit.otherwise(() => reject(new Error('cannot store a dead letter as a command; it stays dead')))
      })
      stored.catch(() => {}) // the caller of the unit handles the error
      storeNew(unit, known(key), command.order, { command, stored }, jobs)
      return jobs
    },

    load: (job) => inHand(job)?.command,

    finish(unit, job, told) {
      const { order, siblings } = job
      if (!job.isStored) {
        siblings?.splice(siblings.indexOf(job), 1)
        return room.leave(job, siblings ?? [], 0)
      }
      const hand = inHand(job)
      const now = told && hand && end(hand, told.answer)
      const ended = now ?? endedBefore(job)
      const left = siblings ? siblings.filter((one) => one !== job) : []
      if (siblings) {
        siblings.splice(siblings.indexOf(job), 1)
        unit.otherwise(() => siblings.push(job))
        if (now && left.length > 0) {
          ending.set(order, now)
          unit.afterwards(() => ending.delete(order))
          unit.otherwise(() => ending.delete(order))
        }
      }
      // Another command may have the id by now, if the window of this one is over.
      const isOver = left.length === 0
      const isKnown = ended !== undefined && orders.get(ended.key) === order
      put(unit, order, hand?.command, left, isKnown || !isOver ? ended : undefined)
      forgetOld(unit)
      unit.afterwards(() => {
        room.leave(job, left, now?.answer?.length ?? 0)
        if (!isOver) return
        if (isKnown) remember(ended, order, job.user)
        else if (hand?.key !== undefined) orders.delete(wordsOf(hand.key), order)
        if (revived.size > 0 && hand) revived.delete(hand.command.id)
      })
    },

    forget: (unit, what) => forgotten.add(unit, what),

    tried(job) {
      storage.eventually((unit) => {
        if (job.ending || job.state === 'over') return
        const hand = inHand(job)
        if (hand) put(unit, job.order, hand.command, job.siblings ?? [job], endedBefore(job))
        if (job.state !== 'held') job.inHand = undefined
      })
    },

    reserve: (placed) => room.add(placed),
    release: (placed) => room.remove(placed),
    heldBy: (user) => room.heldBy(user),
    fullness: () => [...room.fullness(), remembered.fullness()],
    nearlyFull: () => room.nearlyFull(),
    surplus: () => room.surplus(),

    *open(ownerOf) {
      const jobs = loaded
      loaded = []
      for (const job of jobs) job.isOwner = job.group === ownerOf(job.name)
      for (const job of jobs) {
        if (!job.siblings) room.hold([job])
        else if (job.siblings[0] === job) room.hold(job.siblings)
      }
      yield* jobs
    },
  }
}
