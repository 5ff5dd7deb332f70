import type { Logger } from '../../shared/log.ts'
import { ADMINISTRATIVE_ACTION, QUOTA_EXCEEDED, type Hooks, type MqttEngine } from '../seam/port.ts'
import type { Dispatch } from './dispatch/dispatch.ts'
import type { Events } from './events/events.ts'
import { takeFromHandler } from './events/handler-publish.ts'
import { takeCommand, type IntakePorts } from './intake/intake.ts'
import type { Limits } from './limits/limits.ts'
import type { LiveSessions } from './sessions/live-sessions.ts'
import type { Presence } from './presence.ts'
import type { Revocations } from './revocations.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { Denied, type HandlerSession, type Session } from '../seam/session.ts'

export interface HookPorts {
  revocations: Revocations
  limits: Limits
  live: LiveSessions
  presence: Presence
  maxSessions: number
  intake: IntakePorts
  dispatch: Dispatch
  events: Events
  engine: () => MqttEngine
  metrics: Metrics
  log: Logger
}

/** What the broker decides when its engine asks. */
export function engineHooks(ports: HookPorts): Hooks {
  const { revocations, limits, live, presence, maxSessions, intake, dispatch, events, metrics, log } = ports
  const windows = new WeakMap<HandlerSession, number>()

  return {
    async login(session) {
      if (session.kind === 'handler') return
      revocations.check(session.token)
      await limits.connect(session)
      if (!ports.engine().makeRoom(session, maxSessions)) {
        throw new Denied('the user has too many sessions that are connected', 'too_many', session.user)
      }
    },
    connected(session, window) {
      metrics.connections.inc({ kind: session.kind })
      log.debug({ session: session.id }, 'connected')
      if (session.kind === 'handler') return void windows.set(session, window)
      live.began(session)
      // What was decided while it was let in holds for it, too.
      const { user } = session
      if (live.countOf(user) > maxSessions) live.cut((one) => one === session, QUOTA_EXCEEDED, { user })
      try {
        revocations.check(session.token)
      } catch {
        live.cut((one) => one === session, ADMINISTRATIVE_ACTION, { user, forGood: true })
      }
      if (!live.isCut(session)) presence.came(session.user)
    },
    fellSilent(session) {
      if (session.kind === 'handler') dispatch.fellSilent(session)
    },
    gone(session) {
      metrics.connections.dec({ kind: session.kind })
      log.debug({ session: session.id }, 'gone')
      if (session.kind === 'handler') dispatch.lost(session)
      else {
        live.gone(session)
        presence.went(session.user)
      }
    },
    publish(session, message) {
      if (session.kind === 'device') return takeCommand(session, message, intake)
      return takeFromHandler(session, message, { dispatch, events, relay: intake.relay }).catch((err: Error) => {
        log.warn({ session: session.id, topic: message.topic, reason: err.message }, 'handler publish refused')
        throw err
      })
    },
    refusedSubscription(session, filter) {
      metrics.refusedSubscriptions.inc()
      log.info({ session: session.id, filter }, 'subscription refused')
    },
    consume: (session, command, qos) => dispatch.take(session, windows.get(session) ?? 1, command, qos),
    unconsume: (session, command) => dispatch.takeNoMore(session, command),
    acknowledged(session, delivery, reasonCode) {
      dispatch.acknowledged(session, delivery, reasonCode).catch(() => {}) // logged there, and delivered again
    },
    refusedConnect(reason, { address, username, client, user }) {
      metrics.refusedConnects.inc()
      const isOurs = username === undefined || /^(?:JWT|handler(?::[\w-]{1,64})?)$/.test(username)
      const name = { username: isOurs ? username : '(another)', client } // or it may be a token
      log.warn({ reason, address, ...name, user }, 'connect refused')
    },
    parsed: (kind) => metrics.packets.add(kind),
    flooded(session) {
      log.warn({ session: session?.id }, 'a flood')
      if (session?.kind === 'device') void limits.floods(session)
    },
    fault: (session: Session | undefined, err) =>
      log.info({ session: session?.id, reason: err.message }, 'connection fault'),
  }
}
