import type { Storage, Unit } from '../../storage/storage.ts'
import type { SessionQueue } from './session-queue.ts'

export type Received = ReturnType<typeof openReceived>

/**
 * The message ids of QoS 2 messages that clients have sent and not released, so that a retransmission is recognized [MQTT-4.3.3].
 * Those of sessions that outlive their connection are on the disk.
 */
export function openReceived(storage: Storage) {
  const table = storage.table<true>('received')

  return {
    /** Gives stored ids to their sessions, and removes those of sessions that have ended. */
    restore(sessions: ReadonlyMap<string, SessionQueue>): void {
      for (const { key } of table.entries()) {
        const [id, messageId] = key as [string, number]
        const session = sessions.get(id)
        if (session) session.incoming.add(messageId)
        else storage.eventually((unit) => unit.remove(table, key))
      }
    },

    note(session: SessionQueue, messageId: number): void {
      if (session.incoming.has(messageId)) return
      session.incoming.add(messageId)
      if (!session.isLasting) return
      storage.eventually((unit) => {
        if (session.incoming.has(messageId)) unit.put(table, [session.id, messageId], true)
      })
    },

    release(session: SessionQueue, messageId: number): void {
      if (!session.incoming.delete(messageId) || !session.isLasting) return
      storage.eventually((unit) => unit.remove(table, [session.id, messageId]))
    },

    /** @param now the session that has the same id by now, if there is one */
    remove(unit: Unit, { id, incoming }: SessionQueue, now: SessionQueue | undefined): void {
      for (const messageId of incoming) if (!now?.incoming.has(messageId)) unit.remove(table, [id, messageId])
    },
  }
}
