import { beforeEach, expect } from '@jest/globals'
import type { Desk } from './contract-notes.ts'
import type { Collection, Document, TextQuery } from './documents.ts'

export interface Letter extends Document {
  readonly body?: string | null
  readonly readers?: readonly string[] | null
  readonly stamp?: string
}

export const LETTERS = {
  name: 'letters',
  indexes: { by_stamp: { fields: ['stamp'], unique: true } },
  text: { field: 'body', within: 'readers' },
}

/** What the tests of searches work with: an empty collection of letters, a new one for each test. */
export interface LetterDesk {
  letters: () => Collection<Letter>
  /** Inserts, and expects it to succeed. */
  put: (...docs: Letter[]) => Promise<void>
  /** Searches among what alice may read. */
  search: (
    words: string,
    query?: Partial<TextQuery>,
    at?: Collection<Letter>,
  ) => ReturnType<Collection<Letter>['search']>
  /** The keys of what alice finds, newest first. */
  ids: (words: string, query?: Partial<TextQuery>, at?: Collection<Letter>) => Promise<string>
}

/** Opens the letters before each test of the calling block. */
export function lettersFor({ trial }: Desk): LetterDesk {
  let letters: Collection<Letter>
  beforeEach(() => {
    letters = trial().store.collection<Letter>(LETTERS)
  })
  const search: LetterDesk['search'] = (words, query = {}, at = letters) =>
    at.search({ words, within: ['alice'], limit: 100, ...query })
  return {
    letters: () => letters,
    async put(...docs) {
      for (const doc of docs) expect(await letters.insert(doc)).toBe(true)
    },
    search,
    ids: async (words, query, at) => (await search(words, query, at)).docs.map((doc) => doc._id).join(' '),
  }
}

/** A letter that alice may read. */
export const alices = (_id: string, body: string): Letter => ({ _id, body, readers: ['alice'] })
