import type { Forgotten } from '../../../shared/wire/done.ts'
import type { CommandName } from '../../../shared/wire/topic.ts'
import type { TimedEvent } from '../events/events.ts'
import type { Job } from '../dispatch/job.ts'
import type { Command } from '../../seam/session.ts'
import type { Unit } from '../../storage/storage.ts'
import type { Fullness } from '../../metrics/fullness.ts'
import type { Full } from './room.ts'

/** What became of an append. */
export type Appended =
  /** A job for each group. It has its old id when its answer was for the asking client alone and is wanted again. */
  | { kind: 'new'; jobs: readonly Job[] }
  /** The same id and body came before; `answer` is what its sender was told, if it has ended; `isDropped`: that is not kept any more. */
  | { kind: 'repeat'; answer: TimedEvent | undefined; isDropped?: true }
  /** The same id came before with another body. */
  | { kind: 'conflict' }
  /** The queue holds all that it may, of that user, for that group or in all: nothing was stored. */
  | { kind: 'full'; share: Full }

/**
 * Where accepted commands are kept until every group has ended them. A partition of users is worked by one broker at a time,
 * so who runs what, and in which order, is the dispatcher's memory; this is what survives it.
 */
export interface CommandQueue {
  /** A command's place in the order of all: grows with each, over restarts and a clock that is set back too. */
  nextOrder(): number
  /**
   * Resolves when the command is on the disk, in the order of the calls. One that is not to be stored is
   * only counted.
   * @throws when it cannot be stored; then nothing was
   * @param isRetransmitted the sender's session keeps what came of it the first time
   */
  append(command: Command, groups: readonly string[], isRetransmitted?: boolean): Promise<Appended>
  /** Has this command, or another of its user with the device's same id, not ended? */
  isOpen(command: Command): boolean
  /** A dead letter is a command again: for these groups alone, and under its old id. It must not be open; from now on it is. */
  revive(unit: Unit, command: Command, groups: readonly string[], owner: string | undefined): readonly Job[]
  /**
   * One group ends a command. The group that owns it says what its sender is told: remembered for repeats, unless it is for the
   * asking client alone. Such a command runs again, as the same command, when the device sends its id again.
   */
  finish(unit: Unit, job: Job, told?: { answer: TimedEvent | undefined }): void
  /** Answers that were given by now and tell this are told no more: their commands are known as done. */
  forget(unit: Unit, what: Forgotten): void
  /** An attempt has failed: so many are stored as the job has had. */
  tried(job: Job): void
  /** The command itself: in hand, or from the disk. Undefined when it cannot be read there any more. */
  load(job: Job): Command | undefined
  /** How full it is, and which groups hold nearly all they may. */
  fullness(): Fullness[]
  nearlyFull(): string[]
  /** What a group that only observes has to give up, since observers hold more than they may. It is to be ended. */
  surplus(): Job | undefined
  /**
   * What was accepted before this broker started and has not ended, in order.
   * @param ownerOf which group answers a command
   */
  open(ownerOf: (command: CommandName) => string | undefined): Iterable<Job>
}
