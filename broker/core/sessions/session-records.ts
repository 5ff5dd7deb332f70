import type { Subscription } from '../../seam/subscription.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import type { SessionQueue } from './session-queue.ts'

interface SessionRecord {
  serial: number
  expiry: number
  subscriptions: Subscription[]
  /** When its connection ended; undefined while it is connected, or if it was when the broker was killed. */
  since?: number | undefined
  jti?: string | undefined
}

/** The records of sessions that outlive their connection, by session id. What waits for them is stored elsewhere. */
export function openSessionRecords(storage: Storage) {
  const table = storage.table<SessionRecord>('sessions')

  return {
    entries: () => table.entries(),
    put(unit: Unit, session: SessionQueue, since?: number): void {
      const { id, serial, expiry, jti } = session
      unit.put(table, id, { serial, expiry, subscriptions: [...session.subscriptions.values()], since, jti })
    },
    remove: (unit: Unit, id: string): void => unit.remove(table, id),
  }
}
