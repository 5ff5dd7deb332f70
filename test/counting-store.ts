import type { Collection, Document, Store } from '../shared/store/documents.ts'

/** The work that a command causes in a store, on any machine. */
export interface Work {
  /** Documents read. */
  read: number
  /** Index entries counted without reading their documents. */
  counted: number
  /** Documents inserted, changed or removed, or attempts at that. */
  written: number
}

/** A store that counts its work. */
export function countingStore(store: Store): {
  store: Store
  read: () => number
  work: () => Work
  /** How often the store was asked for something. */
  calls: () => number
} {
  const work: Work = { read: 0, counted: 0, written: 0 }
  let calls = 0
  const counted = <T>(result: T, kind: keyof Work, times: number): T => {
    calls++
    work[kind] += times
    return result
  }
  return {
    read: () => work.read,
    calls: () => calls,
    work: () => ({ ...work }),
    store: {
      ...store,
      collection<D extends Document>(spec: Parameters<Store['collection']>[0]): Collection<D> {
        const real = store.collection<D>(spec)
        return {
          get: async (id) => counted(await real.get(id), 'read', 1),
          getMany: async (ids) => counted(await real.getMany(ids), 'read', ids.length),
          insertMany: async (docs) => counted(await real.insertMany(docs), 'written', docs.length),
          insert: async (doc) => counted(await real.insert(doc), 'written', 1),
          change: async (id, decide) => counted(await real.change(id, decide), 'written', 1),
          remove: async (id) => counted(await real.remove(id), 'written', 1),
          async find(query) {
            const docs = await real.find(query)
            return counted(docs, 'read', docs.length)
          },
          async count(query) {
            const count = await real.count(query)
            return counted(count, 'counted', count)
          },
          async search(query) {
            const found = await real.search(query)
            return counted(found, 'read', found.docs.length)
          },
        }
      },
    },
  }
}
