import type { Config } from '../shared/config.ts'
import { tlsFiles } from '../shared/dev-secrets.ts'
import type { Logger } from '../shared/log.ts'
import { closeAll, type Closable } from '../shared/shutdown.ts'
import { checkCatalogue, type Catalogue } from '../shared/wire/catalogue.ts'
import { listenAdmin } from './admin/admin.ts'
import { answerApi } from './admin/api/answer-api.ts'
import { openOperators } from './admin/api/operators.ts'
import { apiRoutes } from './admin/api/routes.ts'
import { openConsole } from './admin/console-page.ts'
import { openFormat } from './core/format.ts'
import { openCore } from './core/open-core.ts'
import { issuerFaults, storageFault } from './faults.ts'
import { openEngine, type Front } from './front/aedes/engine.ts'
import { authenticate } from './front/identity/authenticate.ts'
import { openIdentity, readSecrets, renewSecrets, watchSecrets } from './front/identity/open-identity.ts'
import { verifyToken, type VerifyToken } from './front/identity/token.ts'
import { Lingering } from './front/lingering.ts'
import { listenAs } from './front/listen/listen-as.ts'
import { openListeners } from './front/listen/open-listeners.ts'
import { watchCertificate } from './front/listen/watch-certificate.ts'
import { openPage } from './front/pages/open-page.ts'
import { openWitness } from './front/witness.ts'
import { gaugeFullness, nearlyFull } from './metrics/fullness.ts'
import { gaugeHealth } from './metrics/health.ts'
import { openHistory } from './metrics/history.ts'
import { openMetrics } from './metrics/metrics.ts'
import { openStorage } from './storage/open-storage.ts'

export interface Broker extends Closable {
  readonly ports: { mqtts: number; wss: number; admin: number }
  /** Reads the certificate, the secrets' files and the page again, and takes over the handlers' new declarations, without disconnecting anyone. */
  reload(catalogue: Catalogue): Promise<void>
}

/** Bytes allowed for an HTTP request's headers beside a token. */
const HEADER_ROOM = 16_384

/** What waits in all sockets, among what is kept. */
const UNSENT = {
  kind: 'unsent',
  what: 'what clients have not taken yet',
  beyond: 'those with the most unsent are disconnected',
}

/** Carries a message from one half of the broker to the other. */
type Carry = <Message>(send: (message: Message) => void) => (message: Message) => void

/**
 * Starts a broker: its core, its front and its listeners. Resolves when it accepts connections.
 * @param declared what handlers declare; the storage is opened while that is still being read
 * @param carry how messages pass between the halves; by default a function call
 */
export async function startBroker(
  config: Config,
  declared: Catalogue | Promise<Catalogue>,
  log: Logger,
  carry: Carry = (send) => send,
): Promise<Broker> {
  const secrets = readSecrets(config)
  const tls = await tlsFiles(config)
  const page = openPage(config, log)
  const metrics = openMetrics()
  const storage = await openStorage(config, log, (seconds, units, failed) => {
    metrics.commitSeconds.took('', seconds)
    metrics.commitUnits.took('', units)
    if (failed) metrics.commitsFailed.inc()
  })
  await openFormat(storage, log).catch(async (err: unknown) => {
    await storage.close()
    throw err
  })
  const identity = openIdentity(config, secrets, log)
  const { issuers } = identity.sources
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
  const opened: Closable[] = [storage, ...issuers, ...core.opened]
  let catalogue = await checked(declared).catch(async (err: unknown) => {
    await closeAll(opened)
    throw err
  })
  core.declare(catalogue)

  let ready = false
  const lingering = new Lingering()
  const engine: Front = await openEngine({
    config,
    identify: (login) => authenticate(login, identity, catalogue),
    verify,
    toCore: carry((message) => core.fromFront(message)),
    witness,
    lingering,
  })
  const fullness = () => [...core.fullness(), { ...UNSENT, ...engine.unsent() }]
  gaugeFullness(metrics.registry, fullness)
  try {
    core.resume()
    const { ADMIN_HOST: host, ADMIN_PORT: port, ADMIN_HOSTS: hosts } = config
    const maxHeaders = config.MAX_TOKEN_BYTES + HEADER_ROOM
    const canStore = (): boolean => storageFault(storage) === undefined
    const isReady = (): boolean => ready && canStore() && !core.isDamaged()
    const faults = (): string[] => [
      ...[storageFault(storage) ?? []].flat(),
      ...issuerFaults(issuers),
      ...core.faults(),
      ...nearlyFull(fullness()),
    ]
    const history = await openHistory(metrics.registry, () =>
      core.look.groups().map(({ group, commands, oldest_s }) => ({ group, commands, oldest_s })),
    )
    opened.push(history)
    const operators = openOperators({ verify, revocations: core.revocations, clock: identity.sources.clock })
    const folder = config.DATA_DIR
    const routes = apiRoutes({ ...core, storage, history, fullness, faults, isReady, folder, operators, log })
    const listeningAdmin = listenAdmin(
      { host, port, maxHeaders, hosts },
      {
        registry: metrics.registry,
        isReady,
        faults,
        api: answerApi(routes, operators, log),
        page: openConsole(log),
      },
    )
    const admin = await listenAs('ADMIN_HOST', 'ADMIN_PORT', listeningAdmin)
    opened.push(admin)
    const accept: Front['accept'] = (stream, from) => engine.accept(stream, from)
    const listeners = await openListeners({ config, tls, maxHeaders, accept, witness, lingering, page }, opened)
    const certificate = (): string => listeners.certificate
    gaugeHealth(metrics.registry, { isReady, faults, canStore, issuers, dataDir: config.DATA_DIR, certificate })
    opened.push(engine) // closed before the listeners, so that clients get a DISCONNECT before their sockets are cut
    opened.push(watchCertificate(config, () => listeners.renew(), log))
    opened.push(watchSecrets(identity, config, log))
    ready = true
    const ports = { ...listeners.ports, admin: admin.port }
    log.info({ host: config.HOST, ports }, 'the broker listens')
    return {
      ports,
      async reload(now) {
        checkCatalogue(now)
        renewSecrets(identity, config)
        page?.renew()
        catalogue = now
        core.declare(now)
        await listeners.renew()
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

/** @throws {Error} when handlers contradict each other */
async function checked(declared: Catalogue | Promise<Catalogue>): Promise<Catalogue> {
  const catalogue = await declared
  checkCatalogue(catalogue)
  return catalogue
}
