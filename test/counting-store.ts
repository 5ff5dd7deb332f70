import type { Collection, Document, Store } from '../shared/store/documents.ts'

/** A store that counts the documents which it gives: what a command reads, whatever the machine is like. */
export function countingStore(store: Store): { store: Store; read: () => number } {
  let read = 0
  const counted = <T>(result: T, documents: number): T => {
    read += documents
    return result
  }
  return {
    read: () => read,
    store: {
      ...store,
      collection<D extends Document>(spec: Parameters<Store['collection']>[0]): Collection<D> {
        const real = store.collection<D>(spec)
        return {
          ...real,
          get: async (id) => counted(await real.get(id), 1),
          async find(query) {
            const docs = await real.find(query)
            return counted(docs, docs.length)
          },
          async search(query) {
            const found = await real.search(query)
            return counted(found, found.docs.length)
          },
        }
      },
    },
  }
}
