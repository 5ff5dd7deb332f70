import type { SessionStore } from '../broker/core/sessions/session-store.ts'
import type { WaitingMessage } from '../broker/seam/from-core.ts'

// What a session's connection would do with the messages that wait for it.

/** The messages that a session's next connection would send, by number, oldest first. */
export function waitingFor(sessions: SessionStore, id: string): Map<number, WaitingMessage> {
  const all = new Map<number, WaitingMessage>()
  if (!sessions.get(id)) return all
  let asksForMore = true
  const feed = sessions.feed(id, 1, 65_535, {
    pageBytes: 65_536,
    toFront(message) {
      if (message.kind !== 'kept') return
      for (const one of message.messages) if ('payload' in one) all.set(one.number, one)
      asksForMore = message.asksForMore
    },
  })
  while (asksForMore) {
    asksForMore = false
    feed.wants()
  }
  return all
}

/** The client of a session acknowledges these messages. */
export function acknowledge(sessions: SessionStore, id: string, ...numbers: number[]): void {
  const feed = sessions.feed(id, 1, 65_535, { pageBytes: 65_536, toFront() {} })
  for (const number of numbers) feed.cleared(number)
}
