import type { Config } from '../../shared/config.ts'
import type { Logger } from '../../shared/log.ts'
import type { Closable } from '../../shared/shutdown.ts'
import type { Catalogue } from '../../shared/wire/catalogue.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { commandName, type CommandName } from '../../shared/wire/topic.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { Fullness } from '../metrics/fullness.ts'
import { gaugeCount } from '../metrics/gauges.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { FromCore } from '../seam/from-core.ts'
import type { FromFront } from '../seam/from-front.ts'
import { MESSAGE_RATE_TOO_HIGH } from '../seam/reasons.ts'
import type { DeviceSession, Session } from '../seam/session.ts'
import type { Storage } from '../storage/storage.ts'
import { answerOwn } from './commands/answer-own.ts'
import { operate, type Operate } from './commands/operator.ts'
import { OWN_COMMANDS } from './commands/own-commands.ts'
import { Verifications } from './commands/verifications.ts'
import { Connections } from './connections.ts'
import { Dispatch } from './dispatch/dispatch.ts'
import { Audience } from './events/audience.ts'
import { Events } from './events/events.ts'
import { LiveEvents } from './events/live-events.ts'
import { Wakes } from './events/wakes.ts'
import { receiveFromFront } from './from-front.ts'
import { openKept } from './kept/open-kept.ts'
import { internalCommand, receiveCommand, type IntakePorts } from './intake/intake.ts'
import { Later } from './later.ts'
import { openLimits } from './limits/limits.ts'
import { openLook, type Look } from './look.ts'
import { openTopics } from './open-topics/open-topics.ts'
import { Presence } from './presence.ts'
import { openDeadLetters, type DeadLetters } from './queue/dead-letters.ts'
import { openQueue } from './queue/durable-queue.ts'
import { openReplays, type Replays } from './queue/replays.ts'
import { openReach } from './reach.ts'
import { openRevocations, type Revocations } from './revocations.ts'
import { ConnectedDevices, type StoredSession } from './sessions/connected-devices.ts'
import { sessionSubscriptions } from './sessions/subscribing.ts'
import { openStanding } from './standing.ts'
import { openTail, type Tail } from './tail.ts'
import { openWills } from './wills.ts'

/** Bytes of kept or retained messages that a front gets for one connection at a time. */
const PAGE_BYTES = 65_536
/** Delayed wills that keep their delay over a restart, at most; further ones are sent at once. */
const MAX_DELAYED_WILLS = 1_000

export interface CoreSurroundings {
  config: Config
  storage: Storage
  /** The clock by which tokens expire. */
  clock: { now(): number }
  toFront: (message: FromCore) => void
  metrics: Metrics
  log: Logger
}

export interface Core {
  fromFront(message: FromFront): void
  /** Reads what handlers declare. Another call adds what has changed since. */
  declare(catalogue: Catalogue): void
  /** Resumes what was stored before this broker started. */
  resume(): void
  readonly revocations: Revocations
  readonly dead: DeadLetters
  readonly replays: Replays
  /** Turns dead letters into commands again. */
  readonly replay: Dispatch['replay']
  /** What operators see, and the commands and ends that they watch. */
  readonly look: Look
  readonly tail: Tail
  /** Runs a command of operators about sessions. */
  readonly operate: Operate
  /** How full each kind of what it keeps is. */
  fullness(): Fullness[]
  /** What is wrong, a line each. */
  faults(): string[]
  /** True when a file must be restored before some commands can run. */
  isDamaged(): boolean
  /** In the order in which they were opened. */
  readonly opened: readonly Closable[]
}

/** Opens the half of the broker that owns users: their commands, events and rights. It knows neither sockets nor MQTT packets. */
export async function openCore({ config, storage, clock, toFront, metrics, log }: CoreSurroundings): Promise<Core> {
  const queue = await openQueue(storage, {
    all: { commands: config.MAX_QUEUED, bytes: config.MAX_QUEUED_BYTES },
    perUser: { commands: config.QUEUED_PER_USER, bytes: config.QUEUED_BYTES_PER_USER },
    remembered: { bytes: config.MAX_REMEMBERED_BYTES, perUser: config.REMEMBERED_BYTES_PER_USER },
    windowMs: config.IDEMPOTENCY_WINDOW,
  })
  const dead = openDeadLetters(storage, { letters: config.MAX_DEAD, bytes: config.MAX_DEAD_BYTES }, (id) =>
    log.error(
      { id },
      'dropped the oldest dead letter: there are more than MAX_DEAD or MAX_DEAD_BYTES; replay or drop some with `npm run dead`',
    ),
  )
  const replays = openReplays()
  const tail = openTail()
  const { kept, inbox, sessions, spread } = await openKept(storage, config)
  const { registry } = metrics
  gaugeCount(registry, 'sessions_kept', 'Sessions that the broker keeps, connected or not', () => sessions.count)
  gaugeCount(registry, 'dead_letters', 'Dead letters that are kept', () => dead.count)
  const connections = new Connections()
  const verifications = new Verifications(toFront)
  const audience = new Audience()
  const pageBytes = Math.min(PAGE_BYTES, config.MAX_UNSENT_BYTES / 2)
  const open = openTopics({
    storage,
    sessions,
    connections,
    spread,
    retained: {
      maxRetained: config.MAX_RETAINED,
      maxRetainedBytes: config.MAX_RETAINED_BYTES,
      perUser: config.RETAINED_PER_USER,
      bytesPerUser: config.RETAINED_BYTES_PER_USER,
    },
    pageBytes,
    toFront,
    fault: (session, err) => log.info({ session: session?.id, reason: err.message }, 'connection fault'),
  })
  const reach = openReach({ audience, connections, toFront })
  const events = new Events({ storage, kept, inbox, sessions, reach })
  const liveEvents = new LiveEvents({
    storage,
    events: () => events,
    isThere: (user) => devices.countOf(user) > 0,
    maxWaiting: config.MAX_LIVE_WAITING,
    maxBytes: config.MAX_LIVE_BYTES,
  })
  const revocations = openRevocations(storage)
  const wills = openWills({
    storage,
    max: MAX_DELAYED_WILLS,
    sessionOf(number) {
      const session = connections.get(number)?.session
      return session?.kind === 'device' ? session : undefined
    },
    publish: (session, message, ended) => receiveCommand(session, message, intake, () => ended()),
  })

  function end(session: DeviceSession, reasonCode: number, forGood = false): void {
    const connection = connections.of(session)?.number
    if (connection !== undefined) toFront({ kind: 'end', connection, reasonCode, forGood })
  }
  /** Ends matching sessions without a connection, and cancels their wills. */
  function drop(isMeant: (session: StoredSession) => boolean, user?: UserId): number {
    const dropped = sessions.dropAway(isMeant, user)
    for (const session of dropped) {
      wills.cancel(session)
      toFront({ kind: 'dropped', session })
    }
    return dropped.length
  }
  const devices = new ConnectedDevices({
    clock,
    end,
    drop,
    renewed(session) {
      wills.renewed(session)
      sessions.used(session.id, session.token.jti)
      const connection = connections.of(session)?.number
      if (connection !== undefined) toFront({ kind: 'renewed', connection, token: session.token })
    },
    expiring({ user, client, token }) {
      const fields = { client_id: client, exp: token.expiresAt / 1000 }
      events.tell({ to: user, event: 'session_expiring', fields }).catch(() => {}) // it ends all the same
    },
  })
  const standing = openStanding({ revocations, clock, devices })
  const sendInternal = (name: CommandName, user: UserId, input: object): Promise<void> =>
    dispatch.accept(internalCommand(name, user, input, queue.nextOrder()), false)
  const later = new Later({
    storage,
    queue,
    ownerOf: (command) => dispatch.rules.ownerOf(command),
    send: (user, name, input) => sendInternal(name, user, input),
  })
  const wakes = new Wakes({
    later: () => later,
    isThere: (user) => devices.countOf(user) > 0,
    takers: () => dispatch.rules.internal('push'),
  })
  const dispatch = new Dispatch({
    config,
    storage,
    queue,
    dead,
    replays,
    reach,
    events,
    liveEvents,
    wakes,
    later,
    standing,
    tail,
    metrics,
    clientsOf: (user) => devices.clientsOf(user),
    log,
  })
  function flooded(session: Session | undefined): void {
    log.warn({ session: session?.id }, 'a session floods the broker and is disconnected')
    if (session?.kind === 'device') void limits.floods(session)
  }
  const limits = openLimits(config, (session) => {
    flooded(session)
    end(session, MESSAGE_RATE_TOO_HIGH)
  })

  const intake: IntakePorts = {
    maxBytes: config.MAX_COMMAND_BYTES,
    events,
    admit(session, cost) {
      if (!standing.mayAct(session)) throw refuse('forbidden')
      limits.publish(session, cost)
    },
    publishOpen: (session, message) => open.publish(session, message),
    own: OWN_COMMANDS,
    answer: answerOwn({
      connections,
      verifications,
      devices,
      revocations,
      inbox,
      events,
      log,
      maxBytes: config.MAX_PACKET_BYTES / 2,
    }),
    answersClient: (command) => OWN_COMMANDS.has(command) || dispatch.rules.answersClient(command),
    isKnown: (command) => dispatch.rules.isKnown(command) && !dispatch.rules.isInternal(command),
    nextOrder: () => queue.nextOrder(),
    accept: (command, isRetransmitted) => dispatch.accept(command, isRetransmitted),
    rejected: ({ user }, command, { code, fields }) => {
      metrics.rejected.inc({ code })
      const level = code === 'rate_limited' ? 'debug' : 'info' // frequent enough to hide the others
      log[level]({ user, command, code, fields }, 'command refused')
    },
  }
  const presence = new Presence({
    storage,
    isThere: (user) => devices.countOf(user) > 0,
    async changed(user, online) {
      for (const name of dispatch.rules.internal('presence')) await sendInternal(commandName(name), user, { online })
    },
    log,
  })
  const declaredEvents = new Set<string>(config.HANDLER_EVENTS)
  const fromFront = receiveFromFront({
    connections,
    audience,
    openTopics: open,
    subscriptions: sessionSubscriptions({
      connections,
      sessions,
      maxSubscriptions: config.SUBSCRIPTIONS_PER_SESSION,
      toFront,
    }),
    sessions,
    pageBytes,
    verifications,
    revocations,
    limits,
    flooded,
    devices,
    wills,
    presence,
    maxSessions: config.SESSIONS_PER_USER,
    declaredEvents,
    intake,
    dispatch,
    events,
    toFront,
    metrics,
    log,
  })

  return {
    fromFront,
    declare(catalogue) {
      dispatch.declare(catalogue)
      liveEvents.declare(catalogue)
      events.declare(catalogue)
      wakes.declare(catalogue)
      for (const { events: declared } of Object.values(catalogue)) {
        for (const event of declared) declaredEvents.add(event)
      }
    },
    resume() {
      drop(({ user, jti }) => revocations.holds({ user, jti })) // bans and revocations that a killed broker had no time to act on
      dispatch.resume()
      liveEvents.resume()
      later.resume()
      wills.resume()
    },
    revocations,
    dead,
    replays,
    replay: (letters, replay) => dispatch.replay(letters, replay),
    look: openLook({ devices, sessions, inbox, queue, revocations, dispatch: () => dispatch }),
    tail,
    operate: operate({ devices, revocations, log }),
    fullness: () => [
      ...queue.fullness(),
      kept.fullness(),
      sessions.fullness(),
      open.fullness(),
      dead.fullness(),
      liveEvents.fullness(),
    ],
    faults: () => [...dispatch.lacking().map(({ text }) => text), ...queue.nearlyFull()],
    isDamaged: () => dispatch.lacking().some(({ damaged }) => damaged),
    opened: [
      kept,
      inbox,
      { close: async () => dispatch.close() },
      presence,
      liveEvents,
      later,
      { close: async () => wills.stop() },
      { close: async () => sessions.stop() },
    ],
  }
}
