import type { Forgotten } from '../../../shared/wire/done.ts'
import type { CommandName } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { TimedEvent } from '../events/events.ts'
import type { Job } from '../dispatch/job.ts'
import type { Command } from '../../seam/session.ts'
import type { Unit } from '../../storage/storage.ts'
import type { Fullness } from '../../metrics/fullness.ts'
import type { Amount, Full, Placed } from './room.ts'

/** The outcome of an append. */
export type Appended =
  /** A job for each group. A repeat whose answer was for the asking client alone runs again, under its old command id. */
  | { kind: 'new'; jobs: readonly Job[] }
  /** The same id and body came before. `answer`: its answer, if it has ended; `isDropped`: that answer is no longer kept. */
  | { kind: 'repeat'; answer: TimedEvent | undefined; isDropped?: true }
  /** The same id came before with another body. */
  | { kind: 'conflict' }
  /** The share of that user or group, or the whole queue, is full: nothing was stored. */
  | { kind: 'full'; share: Full }

/**
 * Keeps accepted commands until every group has ended them. Only one broker at a time serves a user, so the dispatcher holds in
 * memory who runs what, and in which order; the queue is what survives a restart.
 */
export interface CommandQueue {
  /** The next command's order. It always grows, also over restarts and when the clock is set back. */
  nextOrder(): number
  /**
   * Resolves when the command is on the disk, in the order of the calls. A command at QoS 0 is not stored but only counted.
   * @throws when it cannot be stored; then nothing was
   * @param isRetransmitted the PUBLISH came again with DUP; the sender's session keeps the answer to the first
   */
  append(command: Command, groups: readonly string[], isRetransmitted?: boolean): Promise<Appended>
  /** True while this command, or another of its user with the same id of the device, has not ended. */
  isOpen(command: Command): boolean
  /** Turns a dead letter into a command again, for these groups alone and under its old id, which must not be open. */
  revive(unit: Unit, command: Command, groups: readonly string[], owner: string | undefined): readonly Job[]
  /**
   * A group has ended a command. Its owner gives the answer, which is remembered for repeats, unless it was for the asking client
   * alone: such a command runs again, as the same command, when the device repeats its id.
   */
  finish(unit: Unit, job: Job, told?: { answer: TimedEvent | undefined }): void
  /** No longer repeats matching answers that were given until now; their commands still count as done. */
  forget(unit: Unit, what: Forgotten): void
  /** Stores the number of failed attempts of a job. */
  tried(job: Job): void
  /** The command itself, from memory or the disk; undefined when its record is broken. */
  load(job: Job): Command | undefined
  /** Counts a command that is scheduled for later as one that waits for its group, until it is released. */
  reserve(placed: Placed): void
  release(placed: Placed): void
  /** What a user has sent that has not ended: commands and their bytes. */
  heldBy(user: UserId): Amount
  /** How full the queue is, and which groups hold nearly all they may. */
  fullness(): Fullness[]
  nearlyFull(): string[]
  /** While observers hold more than their share: the job that one of them must give up, which the caller ends. */
  surplus(): Job | undefined
  /**
   * The jobs of commands that were accepted before this broker started and have not ended, in order.
   * @param ownerOf the group that answers a command
   */
  open(ownerOf: (command: CommandName) => string | undefined): Iterable<Job>
}
