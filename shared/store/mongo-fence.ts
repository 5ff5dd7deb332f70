import { type Db, ObjectId } from 'mongodb'
import { isDuplicate } from './mongo-errors.ts'

/**
 * Delays reads from a new primary until a majority has confirmed a write of its own. Until then it may not know which of its data is
 * confirmed, and would answer as if recently confirmed data were missing (SERVER-53813; fixed in MongoDB 8): a user who was told that
 * a request is stored would be told that there is none.
 */
export interface Fence {
  /** The primary has changed. */
  moved(): void
  /** Reads, and reads again when the primary has changed meanwhile. */
  read<T>(work: () => Promise<T>): Promise<T>
}

/** Holds one document without meaning, to write to. */
const COLLECTION = '__primaries'

/** @param ask runs one operation, or rejects with `Unavailable` */
export function openFence(db: Db, ask: <T>(work: () => Promise<T>) => Promise<T>): Fence {
  const marks = db.collection<{ _id: string }>(COLLECTION)
  let primaries = 0
  let passed = { primary: primaries, way: Promise.resolve() } // at first nothing to wait for: a single server confirms what it answers

  async function mark(): Promise<void> {
    try {
      await ask(() => marks.updateOne({ _id: 'last' }, { $set: { mark: new ObjectId() } }, { upsert: true }))
    } catch (error) {
      if (!isDuplicate(error)) throw error
      return mark() // another process has inserted the document at the same time
    }
  }

  return {
    moved: () => void primaries++,
    async read(work) {
      for (;;) {
        if (passed.primary !== primaries) passed = { primary: primaries, way: mark() }
        const { primary, way } = passed
        try {
          await way
        } catch (error) {
          if (passed.way === way) passed = { primary: -1, way }
          throw error
        }
        const found = await ask(work)
        if (primary === primaries) return found
      }
    },
  }
}
