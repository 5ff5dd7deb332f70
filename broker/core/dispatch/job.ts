import type { ToldError } from '../../../shared/wire/told-error.ts'
import type { CommandName } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Command, HandlerSession } from '../../seam/session.ts'
import type { Lane } from './lane.ts'

/** A command that is loaded into memory. */
export interface InHand {
  readonly command: Command
  /** Identifies a repeat of the command; undefined when the device gave no id, or the command is not stored. */
  readonly key: string | undefined
}

/** Fields that few jobs need: those that were tried, or have a deadline of their own. */
interface Rare {
  expiresAt: number | undefined
  /** How many members lost their connection while they held it. */
  lost: number
  /** How often it was put off because something that it needs was unavailable; no fault of its own. */
  putOff: number
  /** Why the last attempt failed, if that is known. */
  error: ToldError | undefined
  member: Member | undefined
  /** True while its end is being stored; nothing else may end it in the meantime. */
  ending: boolean
  /** True when the last attempt was put off rather than failed. */
  wasPutOff: boolean
  /** When its second wait for a member ends, by `performance.now()`. */
  givesUpAt: number
  /** Its deadline, by `performance.now()`, and its index in the heap of deadlines. */
  dueAt: number
  place: number
  /** The jobs of this command in all groups that have not ended it, when there are several. */
  siblings: Job[] | undefined
}

/** `resting`: between two attempts; `ready`: the next for a member; `held`: a member has it. */
const STATES = ['waiting', 'ready', 'resting', 'held', 'over'] as const
type State = (typeof STATES)[number]

const [STORED, INTERNAL, OWNER, STATE, STATE_AT, ATTEMPT_AT] = [1, 2, 4, 0x38, 3, 6]

/**
 * One command on its way through one group. A million of them may wait, so a job holds only what ordering and deadlines need; the
 * command itself is on the disk, and in memory while it is new or a member has it.
 */
export class Job {
  readonly order: number
  readonly user: UserId
  readonly name: CommandName
  readonly group: string
  /** When its command was accepted, by `performance.now()`, in whole milliseconds. */
  readonly since: number
  /** The command's size in the queue. */
  bytes: number
  /** Flags, state and attempt number in one field: three fields would take 16 more bytes. */
  #bits: number
  inHand: InHand | undefined = undefined
  /** The lane of an ordered job, and the job behind it there. */
  lane: Lane | undefined = undefined
  behind: Job | undefined = undefined
  /** Its neighbours in the group's order of acceptance. */
  before: Job | undefined = undefined
  after: Job | undefined = undefined
  #rare: Rare | undefined = undefined

  /**
   * @param since when the command was accepted, by `performance.now()`; before a restart, perhaps
   * @param failed attempts so far
   */
  constructor(
    command: Pick<Command, 'order' | 'user' | 'name' | 'expiresAt' | 'stored'> & { internal?: boolean | undefined },
    group: string,
    bytes: number,
    since = performance.now(),
    failed = 0,
  ) {
    const { order, user, name, expiresAt, stored, internal } = command
    this.order = order
    this.user = user
    this.name = name
    this.group = group
    this.since = Math.floor(since)
    this.bytes = bytes
    this.#bits = (stored ? STORED : 0) | (internal ? INTERNAL : 0) | ((failed + 1) << ATTEMPT_AT)
    if (expiresAt !== undefined) this.#own.expiresAt = expiresAt
  }

  get isStored(): boolean {
    return (this.#bits & STORED) !== 0
  }

  /** The broker itself has sent the command. */
  get isInternal(): boolean {
    return (this.#bits & INTERNAL) !== 0
  }

  /** Its group answers the command; other groups only observe it. */
  get isOwner(): boolean {
    return (this.#bits & OWNER) !== 0
  }
  set isOwner(isOwner: boolean) {
    this.#bits = isOwner ? this.#bits | OWNER : this.#bits & ~OWNER
  }

  get state(): State {
    return STATES[(this.#bits & STATE) >> STATE_AT]!
  }
  set state(state: State) {
    this.#bits = (this.#bits & ~STATE) | (STATES.indexOf(state) << STATE_AT)
  }

  /** Counts from 1. */
  get attempt(): number {
    return this.#bits >> ATTEMPT_AT
  }
  set attempt(attempt: number) {
    this.#bits = (this.#bits & ((1 << ATTEMPT_AT) - 1)) | (attempt << ATTEMPT_AT)
  }

  /** Milliseconds since 1970 after which it must not run any more. */
  get expiresAt(): number | undefined {
    return this.#rare?.expiresAt
  }

  get lost(): number {
    return this.#rare?.lost ?? 0
  }
  set lost(lost: number) {
    this.#own.lost = lost
  }

  get putOff(): number {
    return this.#rare?.putOff ?? 0
  }
  set putOff(times: number) {
    this.#own.putOff = times
  }

  get error(): ToldError | undefined {
    return this.#rare?.error
  }
  set error(error: ToldError | undefined) {
    if (error || this.#rare) this.#own.error = error
  }

  get member(): Member | undefined {
    return this.#rare?.member
  }
  set member(member: Member | undefined) {
    if (member || this.#rare) this.#own.member = member
  }

  get ending(): boolean {
    return this.#rare?.ending ?? false
  }
  set ending(ending: boolean) {
    if (ending || this.#rare) this.#own.ending = ending
  }

  get wasPutOff(): boolean {
    return this.#rare?.wasPutOff ?? false
  }
  set wasPutOff(wasPutOff: boolean) {
    if (wasPutOff || this.#rare) this.#own.wasPutOff = wasPutOff
  }

  get givesUpAt(): number {
    return this.#rare?.givesUpAt ?? Infinity
  }
  set givesUpAt(at: number) {
    this.#own.givesUpAt = at
  }

  get dueAt(): number {
    return this.#rare?.dueAt ?? Infinity
  }
  set dueAt(at: number) {
    this.#own.dueAt = at
  }

  /** -1: it has no deadline. */
  get place(): number {
    return this.#rare?.place ?? -1
  }
  set place(place: number) {
    if (place >= 0 || this.#rare) this.#own.place = place
  }

  get siblings(): Job[] | undefined {
    return this.#rare?.siblings
  }
  set siblings(siblings: Job[] | undefined) {
    if (siblings || this.#rare) this.#own.siblings = siblings
  }

  get #own(): Rare {
    return (this.#rare ??= {
      expiresAt: undefined,
      lost: 0,
      putOff: 0,
      error: undefined,
      member: undefined,
      ending: false,
      wasPutOff: false,
      givesUpAt: Infinity,
      dueAt: Infinity,
      place: -1,
      siblings: undefined,
    })
  }
}

/** Why a handler put a command off. `damaged`: an operator must restore a file first. */
export interface Lack {
  readonly reason: string
  readonly damaged: boolean
}

/** One process of a group: the commands that it consumes, and the jobs that it holds. */
export interface Member {
  readonly session: HandlerSession
  /** Jobs it may hold at a time. */
  readonly window: number
  /** QoS of its subscription, by command. */
  readonly consumes: Map<string, 0 | 1>
  /** By command id. */
  readonly holds: Map<string, Job>
  /** A suspected job that this member is reserved for: it gets nothing else until it has run that. */
  keptFor: Job | undefined
  /** Its main thread is computing and it begins nothing new; other members go first. */
  isBusy: boolean
  /** It has computed past a time limit and may never end; it counts as absent. */
  isStuck: boolean
}

/** How a group runs a command. */
export interface Rule {
  internal?: 'presence' | 'later' | 'push' | undefined
  /** The setting without which the broker does not send it. */
  needs?: string | undefined
  /** Who gets the reply, if not all of the sender's devices. */
  replyTo?: 'client' | 'nobody' | undefined
  ordered: boolean
  timeoutMs: number
  attempts: number
  seesClients?: boolean | undefined
}

/** Why an attempt failed. `unavailable` is not the command's fault and does not count as an attempt. */
export type Failure = 'internal' | 'timeout' | 'unavailable'

/** A job is suspected once so many members lost their connection while they held it: it then runs alone in a process. */
export const SUSPECTED = 2
