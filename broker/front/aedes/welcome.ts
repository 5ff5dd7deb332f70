import type { Subscription } from 'aedes'
import { connectionOf } from './connection.ts'
import type { InnerClient } from './internals.ts'
import type { RetainedMessages } from './retained.ts'
import type { KeptSession } from '../../seam/kept-sessions.ts'

/** Bytes of retained messages that one subscriber is sent at a time. */
const PAGE = 65_536

export interface WelcomePorts {
  retained: RetainedMessages
  maxUnsentBytes: number
  /** The connection that has this session now. */
  clientOf: (session: string) => InnerClient | undefined
  /** What this session has kept. */
  stateOf: (session: string) => KeptSession | undefined
  /** Hands retained messages over. */
  hand: (topics: string[], session: string, sub: Subscription) => Promise<void>
}

/**
 * Sends new subscribers what is retained [MQTT-3.8.4-4], page by page: a page is read from the disk when the one before has left
 * for the socket, and, at QoS 1 and 2, when what was sent has been acknowledged.
 */
export function welcoming({ retained, maxUnsentBytes, clientOf, stateOf, hand }: WelcomePorts) {
  const pageBytes = Math.min(PAGE, maxUnsentBytes / 2)
  const before = new WeakMap<InnerClient, Promise<void>>()

  /** False when its connection is over, and its session keeps no more. */
  async function hasRoom(client: InnerClient, session: string): Promise<boolean> {
    for (;;) {
      const isHere = clientOf(session) === client && client.conn.writable
      const state = stateOf(session)
      const isFull = (state?.bytes ?? 0) >= 2 * pageBytes
      if (!isHere) return state !== undefined && state.expiry > 0 && !isFull
      connectionOf(client).outbox.flush()
      if (client.conn.writableNeedDrain) await next(client, 'drain')
      else if (state && isFull) await next(client, state)
      else return true
    }
  }

  async function send(client: InnerClient, session: string, filter: string, sub: Subscription): Promise<void> {
    let [page, bytes] = [[] as string[], 0]
    for (const topic of [...retained.topicsOf(filter), undefined]) {
      if (topic !== undefined) {
        page.push(topic)
        bytes += retained.sizeOf(topic)
      }
      if (page.length === 0 || (topic !== undefined && bytes < pageBytes)) continue
      if (!(await hasRoom(client, session))) return
      await hand(page, session, sub)
      ;[page, bytes] = [[], 0]
    }
  }

  return (session: string, filter: string, sub: Subscription): Promise<void> => {
    const client = clientOf(session)
    if (!client) return Promise.resolve()
    const sent = (before.get(client) ?? Promise.resolve()).then(() => send(client, session, filter, sub))
    before.set(
      client,
      sent.catch(() => {}),
    )
    return sent
  }
}

/** Waits until the socket has drained, or the session has let something go, or the connection is over. */
function next({ conn }: InnerClient, what: 'drain' | KeptSession): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      conn.off('close', go)
      if (what === 'drain') conn.off('drain', go)
      else delete what.relieved
      resolve()
    }
    conn.once('close', go)
    if (what === 'drain') conn.once('drain', go)
    else what.relieved = go
  })
}
