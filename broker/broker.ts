import { join } from 'node:path'
import type { Config } from '../shared/config.ts'
import { tlsFiles } from '../shared/dev-secrets.ts'
import { dataFolder, mustBeUsable } from '../shared/file-fault.ts'
import type { Logger } from '../shared/log.ts'
import { closeAll, type Closable } from '../shared/shutdown.ts'
import { checkCatalogue, type Catalogue } from '../shared/wire/catalogue.ts'
import { parseInput } from '../shared/wire/input.ts'
import { refuse } from '../shared/wire/refusal.ts'
import { commandName, type CommandName } from '../shared/wire/topic.ts'
import type { UserId } from '../shared/wire/user-id.ts'
import { openEngine, type Front } from './front/aedes/engine.ts'
import { MESSAGE_RATE_TOO_HIGH } from './seam/port.ts'
import { OWN_COMMANDS } from './core/commands/own-commands.ts'
import { Dispatch } from './core/dispatch/dispatch.ts'
import { Events } from './core/events/events.ts'
import { openFormat } from './core/format.ts'
import { engineHooks } from './core/hooks.ts'
import { openInbox } from './core/inbox/inbox.ts'
import { authenticate } from './front/identity/authenticate.ts'
import { verifyToken } from './front/identity/token.ts'
import type { VerifyToken } from './seam/session.ts'
import { openRevocations } from './core/revocations.ts'
import { openIdentity, readSecrets } from './front/identity/open-identity.ts'
import { internalCommand, type IntakePorts } from './core/intake/intake.ts'
import { openLimits } from './core/limits/limits.ts'
import { AddressGate } from './front/listen/address-gate.ts'
import { listenAdmin } from './admin/admin.ts'
import { listenAs } from './front/listen/listen-as.ts'
import { deadLetterRequests } from './admin/dead-letter-requests.ts'
import { listenTls } from './front/listen/tls.ts'
import { Proxies } from './front/listen/proxies.ts'
import { Lingering } from './front/lingering.ts'
import { listenWss, type WssSettings } from './front/listen/wss.ts'
import { watchCertificate } from './front/listen/watch-certificate.ts'
import { Later } from './core/later.ts'
import { LiveEvents } from './core/events/live-events.ts'
import { LiveSessions } from './core/sessions/live-sessions.ts'
import { gaugeFullness, nearlyFull, type Fullness } from './metrics/fullness.ts'
import { openMetrics } from './metrics/metrics.ts'
import { Presence } from './core/presence.ts'
import { openDeadLetters } from './core/queue/dead-letters.ts'
import { openQueue } from './core/queue/durable-queue.ts'
import { openReplays } from './core/queue/replays.ts'
import { checkLmdb } from './storage/check-lmdb.ts'
import { holdFolder } from './storage/hold-folder.ts'
import { openLmdb } from './storage/lmdb.ts'
import { openStanding } from './core/standing.ts'
import type { Storage } from './storage/storage.ts'
import { roomFor } from './core/events/too-large-answer.ts'

export interface Broker extends Closable {
  readonly ports: { mqtts: number; wss: number; admin: number }
  /** Reads the certificate again, and learns what handlers declare now; nobody is disconnected. */
  reload(catalogue: Catalogue): Promise<void>
}

/** Bytes of an HTTP request's headers beside the token that they may carry. */
const HEADER_ROOM = 16_384

/** What the broker keeps, in `DATA_DIR/broker`, which it has for itself. */
async function openStorage({ DATA_DIR }: Config, log: Logger): Promise<Storage> {
  const folder = dataFolder({ DATA_DIR }, 'broker')
  const file = join(folder, 'broker.lmdb')
  mustBeUsable('DATA_DIR', [file, `${file}-lock`])
  const held = await holdFolder(folder)
  try {
    await checkLmdb(file)
    const storage = openLmdb(file, (err) => log.error({ err }, 'cannot store'))
    return { ...storage, close: () => closeAll([held, storage]) }
  } catch (err) {
    await held.close()
    throw err
  }
}

/** Starts a broker: its queue, its MQTT engine and its listeners. Resolves when it serves. */
export async function startBroker(config: Config, declared: Catalogue, log: Logger): Promise<Broker> {
  checkCatalogue(declared)
  let catalogue = declared
  const secrets = readSecrets(config)
  const tls = await tlsFiles(config)
  const metrics = openMetrics()
  const storage = await openStorage(config, log)
  await openFormat(storage, log).catch(async (err: unknown) => {
    await storage.close()
    throw err
  })
  const queue = await openQueue(storage, {
    all: { commands: config.MAX_QUEUED, bytes: config.MAX_QUEUED_BYTES },
    perUser: { commands: config.QUEUED_PER_USER, bytes: config.QUEUED_BYTES_PER_USER },
    windowMs: config.IDEMPOTENCY_WINDOW,
  })
  const dead = openDeadLetters(storage, config.MAX_DEAD, (id) =>
    log.error({ id }, 'too many dead letters; the oldest is dropped'),
  )
  const replays = openReplays()
  const inbox = await openInbox(storage, {
    events: config.INBOX_EVENTS,
    ageMs: config.INBOX_AGE,
    bytes: config.INBOX_BYTES,
  })
  const events = new Events(storage, inbox, () => engine)
  const relay = new LiveEvents({
    storage,
    events: () => events,
    isThere: (user) => live.countOf(user) > 0,
    maxWaiting: config.MAX_LIVE_WAITING,
  })
  const identity = openIdentity(config, secrets, log)
  const verify: VerifyToken = (token) => verifyToken(token, identity.sources)
  const revocations = openRevocations(storage)
  const live = new LiveSessions({
    clock: identity.sources.clock,
    end: (session, reasonCode, forGood) => engine.end(session, reasonCode, forGood),
    drop: (isMeant, user) => engine.drop(isMeant, user),
    renewed: (session) => engine.renewed(session),
    expiring({ user, client, token }) {
      const fields = { client_id: client, exp: token.expiresAt / 1000 }
      events.tell({ to: user, event: 'session_expiring', fields }).catch(() => {}) // it ends all the same
    },
  })
  const standing = openStanding({ revocations, clock: identity.sources.clock, live })
  const sendInternal = (name: CommandName, user: UserId, input: object): Promise<void> =>
    dispatch.accept(internalCommand(name, user, input, queue.nextOrder()), false)
  const later = new Later({ storage, send: (user, name, input) => sendInternal(name, user, input) })
  const dispatch = new Dispatch({
    config,
    storage,
    queue,
    dead,
    replays,
    engine: () => engine,
    events,
    live: relay,
    later,
    standing,
    metrics,
    clientsOf: (user) => live.clientsOf(user),
    log,
  })
  const declare = (now: Catalogue): void => {
    dispatch.declare(now)
    relay.declare(now)
    for (const { events: declaredEvents } of Object.values(now)) {
      for (const event of declaredEvents) identity.keys.events.add(event)
    }
  }
  declare(catalogue)

  const limits = openLimits(config, (session) => {
    hooks.flooded(session)
    engine.end(session, MESSAGE_RATE_TOO_HIGH)
  })

  const intake: IntakePorts = {
    maxBytes: config.MAX_COMMAND_BYTES,
    events,
    admit(session, cost) {
      if (!standing.mayAct(session)) throw refuse('forbidden')
      limits.publish(session, cost)
    },
    relay: (session, message) => engine.relay(session, message),
    own: OWN_COMMANDS,
    async answer(own, session, payload, cause) {
      const largest = roomFor(engine.largestFor(session), cause)
      const context = {
        session,
        live,
        revocations,
        verify,
        inbox,
        maxBytes: config.MAX_PACKET_BYTES / 2,
        largest,
        log,
      }
      const fields = await own.run(parseInput(own.input, payload), context)
      if (own.forOperators) log.warn({ operator: session.user, ...fields }, own.answer)
      await events.tell({ to: session.user, event: own.answer, fields: { ...fields } }, cause)
    },
    answersClient: (command) => OWN_COMMANDS.has(command) || dispatch.answersClient(command),
    isKnown: (command) => dispatch.isKnown(command) && !dispatch.isInternal(command),
    nextOrder: () => queue.nextOrder(),
    accept: (command, isRetransmitted) => dispatch.accept(command, isRetransmitted),
    rejected: ({ user }, command, { code, fields }) => {
      metrics.rejected.inc({ code })
      const level = code === 'rate_limited' ? 'debug' : 'info' // it would hide the others
      log[level]({ user, command, code, fields }, 'command refused')
    },
  }
  const presence = new Presence({
    storage,
    isThere: (user) => live.countOf(user) > 0,
    async changed(user, online) {
      for (const name of dispatch.internal('presence')) await sendInternal(commandName(name), user, { online })
    },
    log,
  })
  const hooks = engineHooks({
    revocations,
    limits,
    live,
    presence,
    maxSessions: config.SESSIONS_PER_USER,
    intake,
    dispatch,
    events,
    engine: () => engine,
    metrics,
    log,
  })
  const gate = new AddressGate(
    { connections: config.CONNECTIONS_PER_ADDRESS, connects: config.CONNECTS_PER_ADDRESS },
    (address, reason) => hooks.refusedConnect(reason, { address }),
  )

  const fullness = (): Fullness[] => queue.fullness()
  gaugeFullness(metrics.registry, fullness)

  let ready = false
  const opened: Closable[] = [
    storage,
    inbox,
    ...identity.sources.issuers,
    { close: async () => dispatch.close() },
    presence,
    relay,
    later,
  ]
  const lingering = new Lingering()
  const engine: Front = await openEngine(
    config,
    storage,
    hooks,
    (login) => authenticate(login, identity, catalogue),
    lingering,
  )
  try {
    engine.drop(({ user, jti }) => revocations.holds({ user, jti })) // what a killed broker had no time for
    dispatch.resume()
    relay.resume()
    later.resume()
    engine.resume()
    const storageFault = (): string | undefined =>
      storage.trouble() ?? (storage.hasRoom() ? undefined : 'the disk is nearly full: no more commands are stored')
    const { HOST: host } = config
    const maxHeaders = config.MAX_TOKEN_BYTES + HEADER_ROOM
    const listeningAdmin = listenAdmin(
      { host: config.ADMIN_HOST, port: config.ADMIN_PORT, maxHeaders, hosts: config.ADMIN_HOSTS },
      {
        registry: metrics.registry,
        isReady: () => ready && storageFault() === undefined && !dispatch.lacking().some((one) => one.damaged),
        faults: () => [
          ...[storageFault() ?? []].flat(),
          ...identity.sources.issuers
            .filter(({ isWell }) => !isWell)
            .map(({ name }) => `the issuer ${name} does not tell its keys`),
          ...dispatch.lacking().map(({ text }) => text),
          ...nearlyFull(fullness()),
          ...queue.nearlyFull(),
        ],
        dead: deadLetterRequests({
          verify,
          revocations,
          storage,
          dead,
          replays,
          replay: (letters, replay) => dispatch.replay(letters, replay),
          log,
        }),
      },
    )
    const admin = await listenAs('ADMIN_HOST', 'ADMIN_PORT', listeningAdmin)
    opened.push(admin)
    const proxies = new Proxies(config.PROXY_PROTOCOL_FROM, config.CONNECT_TIMEOUT)
    const edge = { host, tls, gate, proxies }
    const listeningTls = listenTls({ ...edge, port: config.MQTTS_PORT }, (socket, from) => engine.accept(socket, from))
    const mqtts = await listenAs('HOST', 'MQTTS_PORT', listeningTls)
    opened.push(mqtts)
    const web: WssSettings = {
      ...edge,
      port: config.WSS_PORT,
      origins: config.WSS_ORIGINS,
      maxPayload: config.MAX_PACKET_BYTES,
      maxHeaders,
      timeout: config.CONNECT_TIMEOUT,
      lingering,
      refusedOrigin(refused) {
        metrics.refusedOrigins.inc()
        log.warn(refused, 'a page of another origin is refused; if it is yours, list its origin in WSS_ORIGINS')
      },
    }
    const wss = await listenAs(
      'HOST',
      'WSS_PORT',
      listenWss(web, (stream, from) => engine.accept(stream, from)),
    )
    opened.push(wss, engine) // closed first: it says goodbye before the sockets are cut
    const renew = async (): Promise<void> => {
      const renewed = await tlsFiles(config)
      mqtts.renew(renewed)
      wss.renew(renewed)
    }
    opened.push(watchCertificate(config, renew, log))
    ready = true
    const ports = { mqtts: mqtts.port, wss: wss.port, admin: admin.port }
    log.info({ host, ports }, 'the broker listens')
    return {
      ports,
      async reload(now) {
        checkCatalogue(now)
        catalogue = now
        declare(now)
        await renew()
      },
      close: () => {
        ready = false
        return closeAll(opened)
      },
    }
  } catch (err) {
    await closeAll([...opened, engine])
    throw err
  }
}
