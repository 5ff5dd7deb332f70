import type { Changes, Entries, Store } from './store.ts'

// Every tab holds a seat of its own, by a Web Lock that ends with the tab: tabs share no outbox, so none sends what another sends. What
// a closed tab has left is moved to the seat of another.

const TABLE = 'entries'
const MAX_SEATS = 100

/** Keeps the outbox in the browser, for each name one. Name it after the user where several share a browser. */
export function indexedDbStore(name = 'switchboard'): Store {
  let db: IDBDatabase
  let seat = -1
  let leave = (): void => {}
  const lockOf = (of: number): string => `${name}/${of}`
  /** Keys are `[seat, key]`. */
  const range = (of: number, prefix = ''): IDBKeyRange => IDBKeyRange.bound([of, prefix], [of, `${prefix}\uffff`])

  /** Resolves with true when the seat was free; it is then held until `leave()`. */
  function sit(at: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      navigator.locks
        .request(lockOf(at), { ifAvailable: true }, (lock) => {
          resolve(lock !== null)
          return lock && new Promise<void>((left) => (leave = left))
        })
        .catch(reject)
    })
  }

  async function entriesOf(of: number, prefix?: string): Promise<Entries> {
    const table = db.transaction(TABLE).objectStore(TABLE)
    const [keys, values] = await Promise.all([
      done(table.getAllKeys(range(of, prefix))),
      done(table.getAll(range(of, prefix))),
    ])
    return new Map(keys.map((key, i) => [(key as [number, string])[1], values[i] as string]))
  }

  async function otherSeats(prefix: string): Promise<number[]> {
    const keys = (await done(db.transaction(TABLE).objectStore(TABLE).getAllKeys())) as [number, string][]
    return [...new Set(keys.filter(([of, key]) => of !== seat && key.startsWith(prefix)).map(([of]) => of))]
  }

  async function moveFrom(of: number, prefix: string): Promise<Entries> {
    const left = await entriesOf(of, prefix)
    const transaction = db.transaction(TABLE, 'readwrite')
    const table = transaction.objectStore(TABLE)
    for (const [key, value] of left) {
      table.delete([of, key])
      table.put(value, [seat, key])
    }
    await committed(transaction)
    return left
  }

  return {
    async open() {
      const opening = indexedDB.open(name, 1)
      opening.addEventListener('upgradeneeded', () => opening.result.createObjectStore(TABLE))
      db = await done(opening)
      db.addEventListener('versionchange', () => db.close()) // somebody deletes it
      for (seat = 0; !(await sit(seat)); seat++) {
        if (seat === MAX_SEATS) throw new Error(`${MAX_SEATS} tabs hold the outbox ${name}`)
      }
      return entriesOf(seat)
    },
    async write(changes: Changes) {
      const transaction = db.transaction(TABLE, 'readwrite')
      const table = transaction.objectStore(TABLE)
      for (const [key, value] of changes) {
        if (value === undefined) table.delete([seat, key])
        else table.put(value, [seat, key])
      }
      await committed(transaction)
    },
    async adopt(prefix) {
      const adopted = new Map<string, string>()
      for (const of of await otherSeats(prefix)) {
        await navigator.locks.request(lockOf(of), { ifAvailable: true }, async (lock) => {
          if (lock) for (const [key, value] of await moveFrom(of, prefix)) adopted.set(key, value)
        })
      }
      return adopted
    },
    close() {
      leave()
      db.close()
      return Promise.resolve()
    },
  }
}

function done<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error!))
  })
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.addEventListener('complete', () => resolve())
    transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('the transaction was aborted')))
  })
}
