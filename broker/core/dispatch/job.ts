import type { ToldError } from '../../../shared/wire/told-error.ts'
import type { Command, HandlerSession } from '../../seam/session.ts'
import type { Lane } from './lane.ts'

/** One command on its way through one group. */
export interface Job {
  readonly command: Command
  /** The place of an ordered one among its user's. */
  readonly lane: Lane | undefined
  /** When its command was accepted, by `steady`. */
  readonly since: number
  /** Counts from 1. */
  attempt: number
  /** Connections that were lost with it. */
  lost: number
  /** Times it was put off because something it needs was not there: no fault of its own. */
  putOff: number
  /** What it waits for since it was put off, if a handler says so. */
  lacks: Lack | undefined
  /** What the attempt failed of, as far as it is known. */
  error: ToldError | undefined
  /** `resting` between two attempts; `ready` for a member. */
  state: 'waiting' | 'ready' | 'resting' | 'held' | 'over'
  member: Member | undefined
  timer: NodeJS.Timeout | undefined
  /** Its end is being stored; nothing else may end it meanwhile. */
  ending: boolean
}

/**
 * A command that begins its way through a group.
 * @param since when it was accepted, by `steady`
 */
export function newJob(command: Command, lane: Lane | undefined, since: number, attempt: number): Job {
  return {
    command,
    lane,
    since,
    attempt,
    lost: 0,
    putOff: 0,
    lacks: undefined,
    error: undefined,
    state: 'waiting',
    member: undefined,
    timer: undefined,
    ending: false,
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
