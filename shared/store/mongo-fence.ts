import { type Db, ObjectId } from 'mongodb'
import { isDuplicate } from './mongo-errors.ts'

/**
 * Lets nobody read of a new primary before a majority has confirmed a write of its own. Until then it may not know how much of
 * what it has is confirmed, and would answer as if what was confirmed lately were not there (SERVER-53813; mended in MongoDB 8):
 * who has been told that a request was stored would be told that there is none.
 */
export interface Fence {
  /** There is another primary. */
  moved(): void
  /** Reads, and again when the primary has changed meanwhile. */
  read<T>(work: () => Promise<T>): Promise<T>
}

/** Holds one document that means nothing. */
const COLLECTION = '__primaries'

/** @param ask does one operation, or rejects with `Unavailable` */
export function openFence(db: Db, ask: <T>(work: () => Promise<T>) => Promise<T>): Fence {
  const marks = db.collection<{ _id: string }>(COLLECTION)
  let primaries = 0
  let passed = { primary: primaries, way: Promise.resolve() } // a single server confirms what it answers

  async function mark(): Promise<void> {
    try {
      await ask(() => marks.updateOne({ _id: 'last' }, { $set: { mark: new ObjectId() } }, { upsert: true }))
    } catch (error) {
      if (!isDuplicate(error)) throw error
      return mark() // another process has made it at the same time
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
