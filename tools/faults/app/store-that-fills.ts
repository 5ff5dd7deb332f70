import type { Store } from '../../../client/store/store.ts'

/** A store on a disk that is full at times: nothing can be written then, as with ENOSPC of the system. */
export function storeThatFills(store: Store, disk: { readonly isFull: boolean }): Store {
  return {
    open: () => store.open(),
    async write(changes) {
      if (disk.isFull) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
      await store.write(changes)
    },
    close: () => store.close(),
  }
}
