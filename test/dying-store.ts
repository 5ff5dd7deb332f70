import type { Collection, Document, Store } from '../shared/store/documents.ts'

/** The error of a store that has died. */
export class Died extends Error {
  override name = 'Died'
}

/** A store whose process dies right after its nth write: the write is stored, and the caller never learns of it. */
export function dyingAfter(store: Store, writes: number): Store {
  let left = writes
  const counted = async <T>(writing: Promise<T>): Promise<T> => {
    const result = await writing
    if (--left <= 0) throw new Died(`the process died behind write ${writes}`)
    return result
  }
  return {
    ...store,
    collection<D extends Document>(spec: Parameters<Store['collection']>[0]): Collection<D> {
      const real = store.collection<D>(spec)
      return {
        ...real,
        insertMany: (docs) => counted(real.insertMany(docs)),
        insert: (doc) => counted(real.insert(doc)),
        change: (id, decide) => counted(real.change(id, decide)),
        remove: (id) => counted(real.remove(id)),
      }
    },
  }
}
