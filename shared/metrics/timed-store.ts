import type { Collection, Document, Query, Store, TextQuery } from '../store/documents.ts'
import { Unavailable } from '../wire/refusal.ts'

/** Called after each operation of a store; `failed` when the store could not answer: a change that is refused is no failure. */
export type Operated = (operation: string, seconds: number, failed: boolean) => void

/** The same store; reports how long each operation took. */
export function timedStore(store: Store, operated: Operated): Store {
  const timed =
    <Args extends unknown[], Result>(operation: string, run: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> => {
      const since = performance.now()
      const told = (failed: boolean): void => operated(operation, (performance.now() - since) / 1000, failed)
      const running = run(...args)
      running.then(
        () => told(false),
        (err: unknown) => told(err instanceof Unavailable),
      )
      return running
    }
  return {
    ready: () => store.ready(),
    close: () => store.close(),
    collection<D extends Document>(spec: Parameters<Store['collection']>[0]): Collection<D> {
      const real = store.collection<D>(spec)
      return {
        get: timed('get', (id: string) => real.get(id)),
        getMany: timed('getMany', (ids: readonly string[]) => real.getMany(ids)),
        insert: timed('insert', (doc: D) => real.insert(doc)),
        insertMany: timed('insertMany', (docs: readonly D[]) => real.insertMany(docs)),
        change: timed('change', (id: string, decide: (now: D | undefined) => D | undefined) => real.change(id, decide)),
        remove: timed('remove', (id: string) => real.remove(id)),
        find: timed('find', (query: Query) => real.find(query)),
        count: timed('count', (query: Query) => real.count(query)),
        search: timed('search', (query: TextQuery) => real.search(query)),
      }
    },
  }
}
