import { bookFiles } from './book-files.ts'
import { commandFiles } from './command-files.ts'
import { laterFiles } from './later-files.ts'
import { liveFiles } from './live-files.ts'

/** What the files of a kind are made from. */
export interface Made {
  readonly group: string
  readonly command: string
  /** The event that it causes. */
  readonly event: string
  /** The store's collection, for a book. */
  readonly collection: string
}

/** Files of the group's folder: name to content. The first is where the author begins. */
export type Files = Record<string, string>

export interface Kind {
  readonly says: string
  files(made: Made): Files
  /** Whether devices send it. */
  readonly isSent: boolean
}

/** An input that every new command accepts, as a device sends it. */
export const SAMPLE = { text: 'hello' }

export const KINDS: Readonly<Record<string, Kind>> = {
  command: {
    says: 'a command that devices send, and its answer (the default)',
    files: commandFiles,
    isSent: true,
  },
  book: {
    says: 'a command that keeps something, with a store file that has an index',
    files: bookFiles,
    isSent: true,
  },
  live: {
    says: 'a command that tells devices something that is of no use a minute later',
    files: liveFiles,
    isSent: true,
  },
  later: {
    says: "an internal command: other commands of the group have the broker send it after a while, by 'later'",
    files: laterFiles,
    isSent: false,
  },
}
