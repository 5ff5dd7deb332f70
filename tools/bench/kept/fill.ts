import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { userIdOf } from '../../../shared/wire/user-id.ts'
import { openFormat } from '../../../broker/core/format.ts'
import { openKept } from '../../../broker/core/kept/open-kept.ts'
import { openLmdb } from '../../../broker/storage/lmdb.ts'
import type { Target } from '../../../broker/core/kept/holders.ts'

/** Events stored in one turn. */
const A_TURN = 2_000
const AGES = 1e12

export interface Fill {
  users: number
  /** Events of each user. */
  events: number
  /** Offline sessions of each. */
  sessions: number
  /** Bytes of an event. */
  bytes: number
}

/** Fills a broker's folder with offline users; each event is in its user's inbox and in all their sessions. */
export async function fillKept(folder: string, { users, events, sessions: each, bytes }: Fill): Promise<void> {
  mkdirSync(join(folder, 'broker'), { recursive: true })
  const storage = openLmdb(join(folder, 'broker', 'broker.lmdb'))
  await openFormat(storage, { info: () => {} })
  const { kept, inbox, sessions } = await openKept(storage, {
    INBOX_EVENTS: 1e9,
    INBOX_AGE: AGES,
    KEPT_BYTES_PER_USER: 1e15,
    MAX_KEPT_BYTES: 1e15,
    MAX_OFFLINE_EVENTS: 1e9,
    MAX_OFFLINE_BYTES: 1e15,
    MAX_SESSION_BYTES: 1e12,
  })
  const ids = Array.from({ length: users }, (_, i) => userIdOf(`user${i}`))
  const stored: Promise<void>[] = []
  for (const user of ids) {
    for (let i = 0; i < each; i++) {
      const id = `${user}/client${i}`
      sessions.began(id, AGES)
      sessions.subscribe(id, { topic: `${user}_events`, qos: 1 })
      sessions.ended(id, AGES)
      stored.push(sessions.keepSubscriptions(id))
    }
  }
  await Promise.all(stored)
  const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(bytes), at: new Date().toISOString() }))
  let left = users * events
  while (left > 0) {
    const turn: Promise<void>[] = []
    for (let i = 0; i < A_TURN && left > 0; i++) {
      const user = ids[--left % users]!
      const targets: Target[] = []
      sessions.targets(targets, user, 'events', 1)
      const numbers = inbox.number([user])
      const event = {
        kind: 'event' as const,
        at: 0,
        places: [],
        event: 'told' as const,
        to: [user],
        numbers,
        isInInbox: true,
        body,
      }
      turn.push(storage.commit((unit) => void kept.keep(unit, event, targets)))
    }
    await Promise.all(turn)
  }
  sessions.stop()
  await inbox.close()
  await kept.close()
  await storage.close()
}
