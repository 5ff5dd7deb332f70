import { join } from 'node:path'
import type { Config } from '../shared/config.ts'
import { tlsFiles } from '../shared/dev-secrets.ts'
import { dataFolder, mustBeUsable } from '../shared/file-fault.ts'
import type { Logger } from '../shared/log.ts'
import { closeAll, type Closable } from '../shared/shutdown.ts'
import { checkCatalogue, type Catalogue } from '../shared/wire/catalogue.ts'
import { openCore } from './core/open-core.ts'
import { openWitness } from './front/witness.ts'
import { openEngine, type Front } from './front/aedes/engine.ts'
import { openFormat } from './core/format.ts'
import { authenticate } from './front/identity/authenticate.ts'
import { verifyToken, type VerifyToken } from './front/identity/token.ts'
import { openIdentity, readSecrets } from './front/identity/open-identity.ts'
import { AddressGate } from './front/listen/address-gate.ts'
import { listenAdmin } from './admin/admin.ts'
import { listenAs } from './front/listen/listen-as.ts'
import { deadLetterRequests } from './admin/dead-letter-requests.ts'
import { listenTls } from './front/listen/tls.ts'
import { Proxies } from './front/listen/proxies.ts'
import { Lingering } from './front/lingering.ts'
import { listenWss, type WssSettings } from './front/listen/wss.ts'
import { watchCertificate } from './front/listen/watch-certificate.ts'
import { openMetrics } from './metrics/metrics.ts'
import { checkLmdb } from './storage/check-lmdb.ts'
import { holdFolder } from './storage/hold-folder.ts'
import { openLmdb } from './storage/lmdb.ts'
import type { Storage } from './storage/storage.ts'

export interface Broker extends Closable {
  readonly ports: { mqtts: number; wss: number; admin: number }
  /** Reads the certificate again and takes over the handlers' new declarations, without disconnecting anyone. */
  reload(catalogue: Catalogue): Promise<void>
}

/** Bytes allowed for an HTTP request's headers beside a token. */
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

/** Carries a message from one half of the broker to the other. */
type Carry = <Message>(send: (message: Message) => void) => (message: Message) => void

/**
 * Starts a broker: its core, its front and its listeners. Resolves when it accepts connections.
 * @param carry how messages pass between the halves; by default a function call
 */
export async function startBroker(
  config: Config,
  declared: Catalogue,
  log: Logger,
  carry: Carry = (send) => send,
): Promise<Broker> {
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
  const identity = openIdentity(config, secrets, log)
  const verify: VerifyToken = (token) => verifyToken(token, identity.sources)
  const witness = openWitness(metrics, log)
  const core = await openCore({
    config,
    storage,
    clock: identity.sources.clock,
    toFront: carry((message) => engine.fromCore(message)),
    metrics,
    log,
  })
  core.declare(catalogue)
  const gate = new AddressGate(
    { connections: config.CONNECTIONS_PER_ADDRESS, connects: config.CONNECTS_PER_ADDRESS },
    (address, reason) => witness.refusedConnect(reason, { address }),
  )

  let ready = false
  const opened: Closable[] = [storage, ...identity.sources.issuers, ...core.opened]
  const lingering = new Lingering()
  const engine: Front = await openEngine({
    config,
    identify: (login) => authenticate(login, identity, catalogue),
    verify,
    toCore: carry((message) => core.fromFront(message)),
    witness,
    lingering,
  })
  try {
    core.resume()
    const storageFault = (): string | undefined =>
      storage.trouble() ??
      (storage.hasRoom() ? undefined : 'the disk is nearly full, so new commands are refused. Free space in DATA_DIR')
    const { HOST: host } = config
    const maxHeaders = config.MAX_TOKEN_BYTES + HEADER_ROOM
    const listeningAdmin = listenAdmin(
      { host: config.ADMIN_HOST, port: config.ADMIN_PORT, maxHeaders, hosts: config.ADMIN_HOSTS },
      {
        registry: metrics.registry,
        isReady: () => ready && storageFault() === undefined && !core.isDamaged(),
        faults: () => [
          ...[storageFault() ?? []].flat(),
          ...identity.sources.issuers
            .filter(({ isWell }) => !isWell)
            .map(({ name }) => `cannot fetch the keys of issuer ${name}; its last ones stay valid for a day`),
          ...core.faults(),
        ],
        dead: deadLetterRequests({
          ...core,
          verify,
          storage,
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
        log.warn(
          refused,
          'refused a WebSocket from a page of another origin; if the page is yours, list its origin in WSS_ORIGINS',
        )
      },
    }
    const wss = await listenAs(
      'HOST',
      'WSS_PORT',
      listenWss(web, (stream, from) => engine.accept(stream, from)),
    )
    opened.push(wss, engine) // closed first, so that clients get a DISCONNECT before their sockets are cut
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
        core.declare(now)
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
