import { randomUUID } from 'node:crypto'
import type { Storage } from '../../storage/storage.ts'

const tableOf = (storage: Storage) => storage.table<string>('inbox_epoch')

/** Identifies this storage: event numbers continue as long as it exists. */
export async function openEpoch(storage: Storage): Promise<string> {
  return tableOf(storage).get('epoch') ?? renewEpoch(storage)
}

/**
 * Gives the storage another epoch. A restored backup needs one: it will give out numbers again that devices have seen, and under the
 * old epoch a device that catches up would miss the events that have them now.
 */
export async function renewEpoch(storage: Storage): Promise<string> {
  const epoch = randomUUID()
  await storage.commit((unit) => unit.put(tableOf(storage), 'epoch', epoch))
  return epoch
}
