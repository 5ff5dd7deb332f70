import { afterEach, beforeEach, expect } from '@jest/globals'
import type { Collection, CollectionSpec, Document, Query, Store, TextSpec } from './documents.ts'

/** Data to test an engine with. `second` opens the same data again, as another process would. */
export interface Trial {
  readonly store: Store
  second(): Promise<Store>
  /** Gives the documents of a collection the words that this function makes of their texts, as the first version of the store kept them. */
  foldAsBefore(spec: CollectionSpec & { text: TextSpec }, wordsOf: (text: string) => string[]): Promise<void>
  /** Closes all stores, and removes the data. */
  cleanUp(): Promise<void>
}

export interface Note extends Document {
  owner?: string | number | boolean | null | undefined
  slug?: string | null
  rank?: string | number | boolean | null
  body?: unknown
}

export const NOTES = {
  name: 'notes',
  indexes: {
    by_slug: { fields: ['owner', 'slug'], unique: true },
    by_rank: { fields: ['owner', 'rank'] },
  },
}

/** What the contract's tests work with: an empty collection of notes, a new one for each test. */
export interface Desk {
  trial: () => Trial
  notes: () => Collection<Note>
  /** Inserts, and expects it to succeed. */
  put: (...docs: Note[]) => Promise<void>
  /** The keys of the documents found. */
  ids: (query: Omit<Query, 'limit'> & { limit?: number }) => Promise<string>
}

/** Sets up a desk before each test of the calling block, and clears it afterwards. */
export function deskFor(open: () => Promise<Trial>): Desk {
  let trial: Trial
  let notes: Collection<Note>

  beforeEach(async () => {
    trial = await open()
    notes = trial.store.collection<Note>(NOTES)
  })
  afterEach(() => trial.cleanUp())

  return {
    trial: () => trial,
    notes: () => notes,
    async put(...docs) {
      for (const doc of docs) expect(await notes.insert(doc)).toBe(true)
    },
    ids: async (query) => (await notes.find({ limit: 100, ...query })).map((doc) => doc._id).join(' '),
  }
}
