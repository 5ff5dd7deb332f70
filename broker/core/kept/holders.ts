import type { Unit } from '../../storage/storage.ts'
import type { Box } from './box.ts'
import type { KeptRecord } from './kept-record.ts'

/** The queue of a session that may hold records. */
export interface Queue {
  readonly owner: string
  readonly serial: number
  /** The session outlives its connection and a restart. */
  readonly isLasting: boolean
  /** @param record undefined for a record from before the start */
  receive(box: Box, key: number, target: Target, record: KeptRecord | undefined): void
}

/** A queue that is to hold a record, and in which form. */
export interface Target {
  readonly queue: Queue
  readonly form: number
  readonly ids?: readonly number[] | undefined
  readonly shared?: string | undefined
}

/** The holders of records. Their own changes are stored with the next unit (`tidy`). */
export interface Holders {
  inbox: {
    receive(box: Box, key: number, number: number, isOfOld: boolean): void
    /** Must let this event go. */
    lose(box: Box, key: number): void
    /** Stores at most so many changes. Returns true when there are more. */
    tidy(unit: Unit, most: number): boolean
  }
  sessions: {
    /** The last number that a session of an earlier broker process was given. */
    readonly lastNumber: number
    /** The session with this serial number, if it still waits for this record. */
    queueOf(serial: number, key: number, form: number): Queue | undefined
    lose(box: Box, key: number): void
    tidy(unit: Unit, most: number): boolean
  }
}
