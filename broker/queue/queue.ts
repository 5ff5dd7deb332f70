import type { OutgoingEvent } from '../../shared/wire/done.ts'
import type { Command } from '../session.ts'

/** A command and the groups that have not ended it. */
export interface Open {
  readonly command: Command
  readonly groups: ReadonlySet<string>
}

/** What became of an append. */
export type Appended =
  | { kind: 'new' }
  /** The same id and body came before; `answer` is what its sender was told, if it has ended. */
  | { kind: 'repeat'; answer: OutgoingEvent | undefined }
  /** The same id came before with another body. */
  | { kind: 'conflict' }
  /** The queue holds all it may: nothing was stored. */
  | { kind: 'full' }

/**
 * Where accepted commands are kept until every group has ended them. A partition of users is worked by one broker at a time,
 * so who runs what, and in which order, is the dispatcher's memory; this is what survives it.
 */
export interface CommandQueue {
  /**
   * Resolves when the command is as durable as the engine makes anything, in the order of the calls.
   * @throws when the engine cannot store; then nothing was
   */
  append(command: Command, groups: readonly string[]): Promise<Appended>
  /** One group has ended a command; `answer` is what its sender is told, remembered for repeats. */
  finish(command: Command, group: string, answer?: OutgoingEvent): Promise<void>
  /** What was accepted before this broker started, in order. */
  open(): AsyncIterable<Open>
  close(): Promise<void>
}
