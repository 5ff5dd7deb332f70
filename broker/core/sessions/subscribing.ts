import { mayReceive } from '../../seam/authority.ts'
import { OPEN, type Subscription } from '../../seam/subscription.ts'
import type { FromCore } from '../../seam/from-core.ts'
import type { Subscribes, Unsubscribes } from '../../seam/from-front.ts'
import { QUOTA_EXCEEDED } from '../../seam/reasons.ts'
import type { Session } from '../../seam/session.ts'
import { sharedOrOwn } from '../../seam/shared-filter.ts'
import type { Connections } from '../connections.ts'
import type { SessionStore } from './session-store.ts'

export interface SubscribingPorts {
  connections: Pick<Connections, 'get'>
  sessions: Pick<SessionStore, 'open' | 'subscribe' | 'unsubscribe' | 'keepSubscriptions'>
  /** Subscriptions of one session, at most. */
  maxSubscriptions: number
  toFront: (message: FromCore) => void
}

export type SessionSubscriptions = ReturnType<typeof sessionSubscriptions>

/** Adds and removes sessions' subscriptions. The front passes on a whole SUBSCRIBE, including the filters that were denied. */
export function sessionSubscriptions({ connections, sessions, maxSubscriptions, toFront }: SubscribingPorts) {
  function answer(connection: number, asks: number | undefined, failed: boolean): void {
    if (asks !== undefined) toFront({ kind: 'stored', connection, asks, failed })
  }

  function keep(connection: number, session: Session, asks: number | undefined): void {
    if (asks === undefined) return
    sessions.keepSubscriptions(session.id).then(
      () => answer(connection, asks, false),
      () => answer(connection, asks, true),
    )
  }

  return {
    subscribes({ connection, subscriptions, asks }: Subscribes): void {
      const session = connections.get(connection)?.session
      if (!session) return answer(connection, asks, true)
      const { subscriptions: own } = sessions.open(session.id)
      for (const sub of subscriptions) {
        const isOver = own.size >= maxSubscriptions && !own.has(sub.topic)
        if (isOver || !mayKeep(session, sub) || sessions.subscribe(session.id, sub)) continue
        // There is no room (MAX_SESSION_BYTES). A session that is not kept has no answer to wait for, so the connection ends.
        toFront({ kind: 'end', connection, reasonCode: QUOTA_EXCEEDED, forGood: false })
        return answer(connection, asks, true)
      }
      keep(connection, session, asks)
    },
    unsubscribes({ connection, filters, asks }: Unsubscribes): void {
      const session = connections.get(connection)?.session
      if (!session) return answer(connection, asks, true)
      for (const filter of filters) sessions.unsubscribe(session.id, filter)
      keep(connection, session, asks)
    },
  }
}

function mayKeep(session: Session, { topic }: Subscription): boolean {
  return mayReceive(session, topic.startsWith(OPEN) ? sharedOrOwn(topic.slice(OPEN.length)) : topic)
}
