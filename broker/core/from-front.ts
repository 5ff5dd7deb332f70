import type { Logger } from '../../shared/log.ts'
import { Refusal } from '../../shared/wire/refusal.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { FromCore } from '../seam/from-core.ts'
import type { Connected, ClientHas, FromFront, Login, Publish, Disconnected, Will } from '../seam/from-front.ts'
import { ADMINISTRATIVE_ACTION, QUOTA_EXCEEDED, SERVER_BUSY } from '../seam/reasons.ts'
import { Denied, type HandlerSession, type Session } from '../seam/session.ts'
import type { Verifications } from './commands/verifications.ts'
import type { Connection, Connections } from './connections.ts'
import type { Audience } from './events/audience.ts'
import type { Dispatch } from './dispatch/dispatch.ts'
import type { Events } from './events/events.ts'
import { receiveFromHandler } from './events/handler-publish.ts'
import { receiveCommand, type IntakePorts } from './intake/intake.ts'
import type { Limits } from './limits/limits.ts'
import type { OpenTopics } from './open-topics/open-topics.ts'
import type { Presence } from './presence.ts'
import type { Revocations } from './revocations.ts'
import type { Feed } from './sessions/feed.ts'
import type { ConnectedDevices } from './sessions/connected-devices.ts'
import type { SessionStore } from './sessions/session-store.ts'
import type { SessionSubscriptions } from './sessions/subscribing.ts'
import type { Wills } from './wills.ts'

export interface CorePorts {
  connections: Connections
  audience: Audience
  openTopics: OpenTopics
  subscriptions: SessionSubscriptions
  sessions: Pick<SessionStore, 'makeRoom' | 'get' | 'began' | 'ended' | 'end' | 'notes' | 'released' | 'feed' | 'has'>
  /** Bytes of kept messages that a connection gets at a time. */
  pageBytes: number
  verifications: Verifications
  revocations: Revocations
  limits: Pick<Limits, 'connect'>
  /** Called when a session publishes far more than it may. */
  flooded: (session: Session | undefined) => void
  devices: ConnectedDevices
  wills: Wills
  presence: Presence
  maxSessions: number
  /** Events that a shared handler key opens; grows when groups declare more. */
  declaredEvents: ReadonlySet<string>
  intake: IntakePorts
  dispatch: Dispatch
  events: Events
  toFront: (message: FromCore) => void
  metrics: Metrics
  log: Logger
}

/** Why a session is refused. */
const NO_ROOM = {
  user: 'the user has too many sessions that are connected',
  all: 'the sessions that are connected take all the room for the user or for all users (MAX_SESSION_BYTES)',
}

/** Acts on a front's messages. Ignores those from connections that have gone. */
export function receiveFromFront(ports: CorePorts): (message: FromFront) => void {
  const {
    connections,
    audience,
    openTopics,
    subscriptions,
    sessions,
    pageBytes,
    verifications,
    limits,
    devices,
    wills,
    presence,
    intake,
    dispatch,
    events,
    toFront,
    metrics,
    log,
  } = ports
  const handlerPorts = { dispatch, events, publishOpen: intake.publishOpen }

  function handlerOf(number: number): { session: HandlerSession; connection: Connection } | undefined {
    const connection = connections.get(number)
    return connection?.session.kind === 'handler' ? { session: connection.session, connection } : undefined
  }

  async function letIn({ session }: Login): Promise<void> {
    if (session.kind === 'handler') return
    const { id, user, token } = session
    ports.revocations.check(token)
    await limits.connect(session)
    const full = sessions.makeRoom(id, user, ports.maxSessions)
    if (full) throw new Denied(NO_ROOM[full], 'too_many', user)
  }

  function login(message: Login): void {
    const { connection } = message
    letIn(message).then(
      () => {
        const kept = sessions.get(message.session.id)
        const subscriptions = [...(kept?.subscriptions.values() ?? [])]
        toFront({ kind: 'admitted', connection, subscriptions })
      },
      (err: Error) => {
        const { as, user } = err instanceof Denied ? err : { as: 'unauthorized' as const, user: undefined }
        toFront({ kind: 'denied', connection, as, reason: err.message, user })
      },
    )
  }

  function keepWill(will: Will): void {
    const { connection } = will
    wills.keep(will).then(
      () => toFront({ kind: 'will_kept', connection, failed: false }),
      () => toFront({ kind: 'will_kept', connection, failed: true }),
    )
  }

  function connected(message: Connected): void {
    const { id } = message.session
    if (message.isClean) sessions.end(id)
    const hasEnded = message.sessionPresent && !sessions.get(id) // since it was admitted
    const connection = connections.add(message)
    const { session } = connection
    if (message.keeps) {
      sessions.began(id, message.outlives, jtiOf(session))
      connection.feed = feedOf(connection)
    }
    resumes(connection)
    // The client believes that its subscriptions still exist; when it reconnects, it learns that they do not.
    if (hasEnded) toFront({ kind: 'end', connection: connection.number, reasonCode: SERVER_BUSY, forGood: true })
    metrics.connections.inc({ kind: session.kind })
    log.debug({ session: session.id }, 'connected')
    if (session.kind === 'handler') return
    wills.connected(message.connection, session.id)
    devices.began(session)
    // Limits and bans that were decided while it logged in apply as well.
    const { user } = session
    if (devices.countOf(user) > ports.maxSessions) devices.cut((one) => one === session, QUOTA_EXCEEDED, { user })
    if (ports.revocations.holds(session.token)) {
      devices.cut((one) => one === session, ADMINISTRATIVE_ACTION, { user, forGood: true })
    }
    if (!devices.isCut(session)) presence.connected(user)
  }

  function feedOf({ session, number, window }: Connection): Feed {
    return sessions.feed(session.id, number, window, { toFront, pageBytes })
  }

  function resumes({ number: connection, session }: Connection): void {
    const kept = sessions.get(session.id)
    if (!kept) return
    const { inFlight, incoming } = kept
    if (incoming.size > 0 || inFlight.length > 0)
      toFront({ kind: 'resumes', connection, received: [...incoming], inFlight })
  }

  function clientHas({ connection, asks, number, messageId }: ClientHas): void {
    const id = connections.get(connection)?.session.id
    const stored = id === undefined ? Promise.resolve() : sessions.has(id, { number, messageId })
    stored.then(
      () => toFront({ kind: 'stored', connection, asks, failed: false }),
      () => toFront({ kind: 'stored', connection, asks, failed: true }),
    )
  }

  function disconnected({ connection: number, outlives }: Disconnected): void {
    audience.removeConnection(number)
    verifications.disconnected(number)
    const { session, hasSession } = connections.remove(number) ?? {}
    openTopics.hasRoom(number)
    if (!session) return
    if (hasSession) sessions.ended(session.id, outlives)
    metrics.connections.dec({ kind: session.kind })
    log.debug({ session: session.id }, 'gone')
    if (session.kind === 'handler') return dispatch.lost(session)
    if (devices.isCut(session)) wills.over(number)
    devices.gone(session)
    presence.disconnected(session.user)
  }

  /** Reports to the front that a PUBLISH was handled, or why not. */
  function published({ connection, number }: Publish, err?: Error): void {
    if (!err) return toFront({ kind: 'published', connection, number, failure: undefined })
    if (err instanceof Refusal) {
      return toFront({ kind: 'published', connection, number, failure: { code: err.code, reason: err.message } })
    }
    log.info({ session: connections.get(connection)?.session.id, reason: err.message }, 'connection fault')
    toFront({ kind: 'published', connection, number, failure: { code: 'fault', reason: 'internal' } })
  }

  function publish(message: Publish): void {
    const session = connections.get(message.connection)?.session
    if (!session) return
    // Goes into the transaction that stores the message, so that both are stored or neither.
    if (message.messageId !== undefined) sessions.notes(session.id, message.messageId)
    if (session.kind === 'device') return receiveCommand(session, message, intake, published)
    const refused = (err: Error): void => {
      log.warn({ session: session.id, topic: message.topic, reason: err.message }, 'refused a PUBLISH of a handler')
      published(message, err)
    }
    let taking: void | Promise<void>
    try {
      taking = receiveFromHandler(session, message, handlerPorts)
    } catch (err) {
      return refused(err as Error)
    }
    if (taking) taking.then(() => published(message), refused)
    else published(message)
  }

  return (message) => {
    const { kind, connection } = message
    switch (kind) {
      case 'publish':
        return publish(message)
      case 'acknowledged': {
        const [handler, delivery] = [handlerOf(connection), connections.acknowledged(message)]
        // A failure is logged there, and the command is delivered again.
        if (handler && delivery)
          dispatch.results.acknowledged(handler.session, delivery, message.reasonCode).catch(() => {})
        return
      }
      case 'consume': {
        const handler = handlerOf(connection)
        if (!handler) return
        const { session, connection: its } = handler
        return dispatch.consume(session, its.window, message.command, message.qos)
      }
      case 'unconsume': {
        const handler = handlerOf(connection)
        if (handler) dispatch.stopConsuming(handler.session, message.command)
        return
      }
      case 'subscribes':
        return subscriptions.subscribes(message)
      case 'unsubscribes':
        return subscriptions.unsubscribes(message)
      case 'released': {
        const id = connections.get(connection)?.session.id
        if (id !== undefined) sessions.released(id, message.messageId)
        return
      }
      case 'hears':
        return audience.add(connection, message.topic)
      case 'hears_no_more':
        return audience.remove(connection, message.topic)
      case 'keeps': {
        const its = connections.get(connection)
        if (!its || its.feed) return
        its.feed = feedOf(its)
        return its.feed.wants()
      }
      case 'wants_kept':
        return connections.get(connection)?.feed?.wants()
      case 'cleared':
        return connections.get(connection)?.feed?.cleared(message.number)
      case 'client_has':
        return clientHas(message)
      case 'leaves':
        return connections.get(connection)?.feed?.leaves(message.inFlight)
      case 'verified':
        return verifications.answered(message)
      case 'wants_retained':
        return openTopics.welcome(message)
      case 'has_room':
        return openTopics.hasRoom(connection)
      case 'login':
        return login(message)
      case 'will':
        return keepWill(message)
      case 'connected':
        return connected(withDeclared(message, ports.declaredEvents))
      case 'disconnected':
        return disconnected(message)
      case 'fell_silent': {
        const handler = handlerOf(connection)
        if (handler) dispatch.fellSilent(handler.session)
        return
      }
      case 'flooded':
        return ports.flooded(connections.get(connection)?.session)
      case 'will_waits':
        return wills.waits(connection)
      case 'will_due':
        return wills.due(connection)
      case 'will_over':
        return wills.over(connection)
    }
  }
}

function jtiOf(session: Session): string | undefined {
  return session.kind === 'device' ? session.token.jti : undefined
}

/** Gives a handler with a shared key every event that any group declares. */
function withDeclared(message: Connected, events: ReadonlySet<string>): Connected {
  const { session } = message
  if (session.kind === 'device' || session.rights.commands !== 'all') return message
  return { ...message, session: { ...session, rights: { ...session.rights, events } } }
}
