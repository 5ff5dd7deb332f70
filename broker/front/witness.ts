import type { Logger } from '../../shared/log.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Session } from '../seam/session.ts'
import type { EndReason } from './end-reason.ts'
import { kindOfRefusal } from './kind-of-refusal.ts'

export interface RefusedLogin {
  address: string
  username?: string | undefined
  client?: string | undefined
  user?: UserId | undefined
}

/** A page that may not open a WebSocket. */
export interface RefusedOrigin {
  origin: string
  host: string | undefined
  address: string
}

export type Witness = ReturnType<typeof openWitness>

/** Counts and logs what happens to connections. */
export function openWitness(metrics: Metrics, log: Logger) {
  return {
    refusedConnect(reason: string, { address, username, client, user }: RefusedLogin): void {
      metrics.refusedConnects.add(kindOfRefusal(reason))
      const isOurs = username === undefined || /^(?:JWT|handler(?::[\w-]{1,64})?)$/.test(username)
      const name = { username: isOurs ? username : '(another)', client } // another username may be a token
      log.warn({ reason, address, ...name, user }, 'connect refused')
    },
    refusedSubscription(session: Session, filter: string): void {
      metrics.refusedSubscriptions.inc()
      log.info({ session: session.id, filter }, 'subscription refused')
    },
    refusedOrigin(refused: RefusedOrigin): void {
      metrics.refusedOrigins.inc()
      log.warn(
        refused,
        'refused a WebSocket from a page of another origin; if the page is yours, list its origin in WSS_ORIGINS',
      )
    },
    /** A connection that had logged in has ended. */
    gone: (reason: EndReason): void => metrics.disconnects.add(reason),
    /** Counts a packet, from anyone. */
    parsed: (kind: string): void => metrics.packets.add(kind),
    fault: (session: Session | undefined, err: Error): void =>
      log.info({ session: session?.id, reason: err.message }, 'connection fault'),
  }
}
