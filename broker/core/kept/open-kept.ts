import type { Config } from '../../../shared/config.ts'
import type { Storage } from '../../storage/storage.ts'
import { openInbox, type Inbox } from '../inbox/inbox.ts'
import { openSessionStore, type SessionStore } from '../sessions/session-store.ts'
import { KeptEvents } from './kept-events.ts'
import { Spread } from './spread.ts'

export interface Kept {
  kept: KeptEvents
  inbox: Inbox
  sessions: SessionStore
  /** Serves the receivers of what is kept, and of what goes to many without being kept. */
  spread: Spread
}

type Settings = Pick<
  Config,
  | 'KEPT_BYTES_PER_USER'
  | 'MAX_KEPT_BYTES'
  | 'INBOX_EVENTS'
  | 'INBOX_AGE'
  | 'MAX_OFFLINE_EVENTS'
  | 'MAX_OFFLINE_BYTES'
  | 'MAX_SESSION_BYTES'
>

/** Opens the events that are kept for users, and the inboxes and sessions that hold them. */
export async function openKept(storage: Storage, config: Settings): Promise<Kept> {
  const spread = new Spread()
  const bounds = { bytesPerUser: config.KEPT_BYTES_PER_USER, bytes: config.MAX_KEPT_BYTES }
  const kept = new KeptEvents(storage, bounds, spread)
  const inbox = await openInbox(storage, kept, { events: config.INBOX_EVENTS, ageMs: config.INBOX_AGE })
  const sessions = openSessionStore(storage, kept, {
    maxWaiting: config.MAX_OFFLINE_EVENTS,
    maxWaitingBytes: config.MAX_OFFLINE_BYTES,
    maxBytes: config.MAX_SESSION_BYTES,
  })
  kept.open({ inbox: inbox.holders, sessions: sessions.holders })
  inbox.opened()
  sessions.opened()
  return { kept, inbox, sessions, spread }
}
