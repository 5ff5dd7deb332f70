import type { ToldError } from '../../../shared/wire/told-error.ts'
import type { CommandName } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Command, HandlerSession } from '../../seam/session.ts'
import type { Lane } from './lane.ts'

/** A command itself, while it is in memory. */
export interface InHand {
  readonly command: Command
  /** By what a repeat is known; undefined when the device gave no id, or it is not stored. */
  readonly key: string | undefined
}

/** What few jobs have: those that were tried, or wait for something of their own. */
interface Rare {
  expiresAt: number | undefined
  /** Connections that were lost with it. */
  lost: number
  /** Times it was put off because something it needs was not there: no fault of its own. */
  putOff: number
  /** What the attempt failed of, as far as it is known. */
  error: ToldError | undefined
  member: Member | undefined
  /** Its end is being stored; nothing else may end it meanwhile. */
  ending: boolean
  /** Was that so the last time? */
  wasPutOff: boolean
  /** Until when, by `performance.now()`, it waits for a member, since it has waited for one before. */
  givesUpAt: number
  /** When it is to be looked at, by `performance.now()`, and its place among those that are. */
  dueAt: number
  place: number
  /** Of the command in all groups that have not ended it, when there are several. */
  siblings: Job[] | undefined
}

/** `resting` between two attempts; `ready` for a member. */
const STATES = ['waiting', 'ready', 'resting', 'held', 'over'] as const
type State = (typeof STATES)[number]

const [STORED, INTERNAL, OWNER, STATE, STATE_AT, ATTEMPT_AT] = [1, 2, 4, 0x38, 3, 6]

/**
 * One command on its way through one group. A million of them may wait, so a job holds what ordering and time need; the command is on
 * the disk, and in hand while it is new or a member has it.
 */
export class Job {
  readonly order: number
  readonly user: UserId
  readonly name: CommandName
  readonly group: string
  /** When its command was accepted, by `performance.now()`, in whole milliseconds. */
  readonly since: number
  /** All that the command takes. */
  bytes: number
  /** Its flags and state, and the number of its attempt: three fields would take 16 bytes more. */
  #bits: number
  inHand: InHand | undefined = undefined
  /** The place of an ordered one among its user's, and the one behind it there. */
  lane: Lane | undefined = undefined
  behind: Job | undefined = undefined
  /** Those accepted before and after it in its group. */
  before: Job | undefined = undefined
  after: Job | undefined = undefined
  #rare: Rare | undefined = undefined

  /** @param failed attempts so far */
  constructor(
    command: Pick<Command, 'order' | 'user' | 'name' | 'expiresAt' | 'stored' | 'at'> & {
      internal?: boolean | undefined
    },
    group: string,
    bytes: number,
    failed = 0,
  ) {
    const { order, user, name, expiresAt, stored, internal, at } = command
    this.order = order
    this.user = user
    this.name = name
    this.group = group
    this.since = Math.floor(performance.now() - Math.max(0, Date.now() - at)) // from before a restart, perhaps
    this.bytes = bytes
    this.#bits = (stored ? STORED : 0) | (internal ? INTERNAL : 0) | ((failed + 1) << ATTEMPT_AT)
    if (expiresAt !== undefined) this.#own.expiresAt = expiresAt
  }

  get isStored(): boolean {
    return (this.#bits & STORED) !== 0
  }

  /** The broker's own. */
  get isInternal(): boolean {
    return (this.#bits & INTERNAL) !== 0
  }

  /** Its group answers the command; others only observe it. */
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

  /** -1: it stands among none. */
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

/** One process of a group: what it takes, and what it holds. */
export interface Member {
  readonly session: HandlerSession
  /** Jobs it may hold at a time. */
  readonly window: number
  /** Command to the QoS of its subscription. */
  readonly takes: Map<string, 0 | 1>
  /** By the ids of their commands. */
  readonly holds: Map<string, Job>
  /** What may have ended its predecessors: it gets nothing else until it has had that. */
  keptFor: Job | undefined
  /** It begins nothing now: its main thread computes. Others go first. */
  isBusy: boolean
  /** It computes past a time limit, and may never end: as good as not there. */
  isStuck: boolean
}

/** How a group runs a command. */
export interface Rule {
  internal?: 'presence' | 'later' | undefined
  /** Who gets its reply, if not all of the sender's devices. */
  replyTo?: 'client' | 'nobody' | undefined
  ordered: boolean
  timeoutMs: number
  attempts: number
  seesClients?: boolean | undefined
}

/** Why an attempt failed; `unavailable` is no fault of the command and does not count. */
export type Failure = 'internal' | 'timeout' | 'unavailable'

/** A job with which so many connections were lost is suspected: another has it alone, so that it takes no others with it. */
export const SUSPECTED = 2
