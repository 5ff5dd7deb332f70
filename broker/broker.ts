import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../shared/config.ts'
import { sharedHandlerKeys, tlsFiles, tokenSecrets } from '../shared/dev-secrets.ts'
import type { Logger } from '../shared/log.ts'
import { closeAll, type Closable } from '../shared/shutdown.ts'
import type { Catalogue } from '../shared/wire/catalogue.ts'
import { openEngine } from './aedes/engine.ts'
import { NOT_AUTHORIZED, type Hooks, type MqttEngine } from './aedes/port.ts'
import { mayReceive, maySubscribe } from './authority.ts'
import { whoami } from './commands/whoami.ts'
import { Dispatch } from './dispatch/dispatch.ts'
import { Events } from './events.ts'
import { takeFromHandler } from './handler-publish.ts'
import { authenticate } from './identity/authenticate.ts'
import { takeCommand, type IntakePorts } from './intake.ts'
import { listenAdmin } from './listen/admin.ts'
import { deadLetterRequests } from './listen/dead-letter-requests.ts'
import { listenTls } from './listen/tls.ts'
import { listenWss } from './listen/wss.ts'
import { openMetrics } from './metrics.ts'
import { openDeadLetters } from './queue/dead-letters.ts'
import { openQueue } from './queue/durable-queue.ts'
import type { HandlerSession, Session } from './session.ts'
import { holdFolder } from './storage/hold-folder.ts'
import { openLmdb } from './storage/lmdb.ts'
import type { Storage } from './storage/storage.ts'
import { callAt } from './timer.ts'

export interface Broker extends Closable {
  readonly ports: { mqtts: number; wss: number; admin: number }
  /** Reads the certificate again, and learns what handlers declare now; nobody is disconnected. */
  reload(catalogue: Catalogue): Promise<void>
}

/** What the broker keeps, in `DATA_DIR/broker`, which it has for itself. */
async function openStorage({ DATA_DIR }: Config, log: Logger): Promise<Storage> {
  const folder = join(DATA_DIR, 'broker')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const held = await holdFolder(folder)
  const storage = openLmdb(join(folder, 'broker.lmdb'), (err) => log.error({ err }, 'cannot store'))
  return { ...storage, close: () => closeAll([held, storage]) }
}

/** Starts a broker: its queue, its MQTT engine and its listeners. Resolves when it serves. */
export async function startBroker(config: Config, declared: Catalogue, log: Logger): Promise<Broker> {
  let catalogue = declared
  const secrets = tokenSecrets(config)
  const keys = { shared: sharedHandlerKeys(config), groups: config.HANDLER_KEYS }
  const metrics = openMetrics()
  const storage = await openStorage(config, log)
  const queue = await openQueue(storage, {
    maxQueued: config.MAX_QUEUED,
    maxQueuedBytes: config.MAX_QUEUED_BYTES,
    windowMs: config.IDEMPOTENCY_WINDOW,
  })
  const dead = openDeadLetters(storage, config.MAX_DEAD, ({ command: { id } }) =>
    log.error({ id }, 'too many dead letters; the oldest is dropped'),
  )
  const events = new Events(storage, () => engine)
  const dispatch = new Dispatch({ config, storage, queue, dead, engine: () => engine, events, metrics, log })
  dispatch.declare(catalogue)

  const intake: IntakePorts = {
    maxBytes: config.MAX_COMMAND_BYTES,
    events,
    own: new Map([['whoami', (session, cause) => whoami(session, cause, events)]]),
    isKnown: (command) => dispatch.isKnown(command),
    nextOrder: () => queue.nextOrder(),
    accept: (command, isRetransmitted) => dispatch.accept(command, isRetransmitted),
    rejected: ({ user }, command, { code, fields }) => {
      metrics.rejected.inc({ code })
      log.info({ user, command: command.slice(0, 64), code, fields }, 'command refused')
    },
  }
  const windows = new WeakMap<HandlerSession, number>()
  const expiries = new WeakMap<Session, () => void>()

  const hooks: Hooks = {
    authenticate: (login) => authenticate(login, secrets, keys, catalogue),
    connected(session, window) {
      metrics.connections.inc({ kind: session.kind })
      log.debug({ session: session.id }, 'connected')
      if (session.kind === 'handler') windows.set(session, window)
      else {
        expiries.set(
          session,
          callAt(session.expiresAt, () => engine.end(session, NOT_AUTHORIZED)),
        )
      }
    },
    gone(session) {
      metrics.connections.dec({ kind: session.kind })
      log.debug({ session: session.id }, 'gone')
      expiries.get(session)?.()
      if (session.kind === 'handler') dispatch.lost(session)
    },
    publish(session, message) {
      if (session.kind === 'device') return takeCommand(session, message, intake)
      return takeFromHandler(session, message, { dispatch, events }).catch((err: Error) => {
        log.warn(
          { session: session.id, topic: message.topic.slice(0, 640), reason: err.message },
          'handler publish refused',
        )
        throw err
      })
    },
    subscribe(session, filter, qos) {
      const verdict = maySubscribe(session, filter)
      if (verdict === 'deny') log.info({ session: session.id, filter: filter.slice(0, 640) }, 'subscription refused')
      if (verdict === 'consume' && session.kind === 'handler') {
        dispatch.take(session, windows.get(session) ?? 1, filter, qos === 0 ? 0 : 1)
      }
      return verdict
    },
    unconsume: (session, command) => dispatch.takeNoMore(session, command),
    acknowledged(session, delivery, reasonCode) {
      dispatch.acknowledged(session, delivery, reasonCode).catch(() => {}) // logged there, and delivered again
    },
    mayReceive,
    refusedConnect(reason, { address, username, client }) {
      metrics.refusedConnects.inc()
      log.warn({ reason, address, username: username?.slice(0, 64), client: client?.slice(0, 256) }, 'connect refused')
    },
    fault: (session, err) => log.info({ session: session?.id, reason: err.message }, 'connection fault'),
  }

  let ready = false
  const opened: Closable[] = [storage, { close: async () => dispatch.close() }]
  const engine: MqttEngine = await openEngine(config, storage, hooks)
  try {
    dispatch.resume()
    const tls = await tlsFiles(config)
    const { HOST: host } = config
    const admin = await listenAdmin(
      { host: config.ADMIN_HOST, port: config.ADMIN_PORT },
      {
        registry: metrics.registry,
        isReady: () => ready && storage.isWell() && storage.hasRoom(),
        dead: deadLetterRequests({ secrets, storage, dead, replay: (letters) => dispatch.replay(letters), log }),
      },
    )
    opened.push(admin)
    const mqtts = await listenTls({ host, port: config.MQTTS_PORT, tls }, (socket) => engine.accept(socket))
    opened.push(mqtts)
    const web = { host, port: config.WSS_PORT, tls, origins: config.WSS_ORIGINS, maxPayload: config.MAX_PACKET_BYTES }
    const wss = await listenWss(web, (stream, request) => engine.accept(stream, request))
    opened.push(wss, engine) // closed first: it says goodbye before the sockets are cut
    ready = true
    const ports = { mqtts: mqtts.port, wss: wss.port, admin: admin.port }
    log.info({ host, ports }, 'the broker listens')
    return {
      ports,
      async reload(now) {
        catalogue = now
        dispatch.declare(now)
        const renewed = await tlsFiles(config)
        mqtts.renew(renewed)
        wss.renew(renewed)
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
