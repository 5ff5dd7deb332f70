import { rootCertificates } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { ConfigError, readConfig, type Config } from '../shared/config.ts'
import { devCertFile, readPem, sharedHandlerKeys, tlsFiles } from '../shared/dev-secrets.ts'
import { dialled } from '../shared/dial.ts'
import { openLog, type Logger } from '../shared/log.ts'
import { hideFromLogs } from '../shared/secret-text.ts'
import { keepFilesPrivate } from '../shared/private-files.ts'
import { groupsIn, loadGroup } from '../shared/runtime/scan.ts'
import { handlerSettings } from '../shared/runtime/handler-settings.ts'
import { serveGroup } from '../shared/runtime/serve.ts'
import { closeOnSignal, type Closable } from '../shared/shutdown.ts'
import { openData } from './open-data.ts'
import { Damaged } from '../shared/wire/refusal.ts'
import { openPush } from './push-settings.ts'
import { openTurn } from './turn-settings.ts'

// npm run handlers -- contacts [more…]: one process that serves these groups. Run it again to scale.

const here = fileURLToPath(new URL('.', import.meta.url))
const groups = process.argv.slice(2)

async function main(): Promise<void> {
  const known = await groupsIn(here)
  const unknown = groups.find((name) => !known.includes(name))
  if (groups.length === 0 || unknown !== undefined) {
    const fault = unknown === undefined || unknown.startsWith('-') ? '' : `unknown group ${unknown}\n`
    throw new ConfigError(`${fault}usage: npm run handlers -- <group> [more…]\ngroups: ${known.join(', ')}`)
  }
  const config = readConfig()
  const [, mongoPassword] = /:\/\/[^:/@]*:([^@/]*)@/.exec(config.MONGODB_URL ?? '') ?? []
  hideFromLogs([...(config.SECRET ?? []), ...(config.TURN_SECRET ?? []), config.VAPID_PRIVATE_KEY, mongoPassword])
  const log = openLog(config.LOG_LEVEL, groups.join('+'))
  keepFilesPrivate(config.DATA_DIR, log)
  const opened: Closable[] = []
  closeOnSignal(opened, log)
  const loaded = await Promise.all(groups.map((group) => loadGroup(here, group)))
  const url = config.BROKER_URL ?? `mqtts://${dialled(config.HOST)}:${config.MQTTS_PORT}`
  const caFiles = await brokerCaFiles(config)
  const metrics = await openMetrics(config)
  if (metrics) opened.push(metrics.serve(log))
  const data = await openData(config, log)
  opened.push(data)
  const store = metrics?.timed(data) ?? data
  const turn = openTurn(config)
  if (turn) opened.push(turn)
  const push = openPush(config)
  if (push) opened.push(push)
  const settings = handlerSettings(config, turn, push)
  const served: Closable[] = []
  opened.push({ close: async () => void (await Promise.all(served.map((one) => one.close()))) })
  for (const [i, group] of groups.entries()) {
    const own = config.HANDLER_KEYS.get(group)?.[0]
    const key = own ?? sharedHandlerKeys(config)[0]
    if (key === undefined)
      throw new ConfigError(`HANDLER_KEYS has no key for ${group}, and HANDLER_KEY is not set; set one of them`)
    hideFromLogs([key])
    const keyFile = config.secretFiles.get(own === undefined ? 'HANDLER_KEY' : 'HANDLER_KEYS')
    const broker = { url, ca: rootCertificates, caFiles, key, keyFile, ownKey: own !== undefined }
    const window = config.HANDLER_WINDOW
    const options = { group, commands: loaded[i]!, store, settings, log, broker, window, ran: metrics?.ran }
    served.push(await serveGroup(options))
  }
  process.send?.({ ready: groups })
}

/** The metrics of this process, if METRICS_PORT is set; without it nothing of them is loaded. */
async function openMetrics({ METRICS_PORT: port, ADMIN_HOST: host, ADMIN_HOSTS: hosts }: Config) {
  if (port === undefined) return undefined
  const { openHandlerMetrics } = await import('../shared/metrics/handler-metrics.ts')
  const { serveMetrics } = await import('../shared/metrics/serve-metrics.ts')
  const metrics = openHandlerMetrics()
  return { ...metrics, serve: (log: Logger) => serveMetrics(metrics.registry, { host, port, hosts }, log) }
}

/**
 * The certificate file to trust besides the public authorities; in production there may be none. The file is read again for
 * each connection, because the certificate may be renewed.
 */
async function brokerCaFiles(config: Config): Promise<string[]> {
  for (const setting of ['BROKER_CA', 'TLS_CERT'] as const) {
    const file = config[setting]
    if (file === undefined) continue
    readPem(setting, file) // reports a bad file at start
    return [file]
  }
  if (config.production) return []
  await tlsFiles(config) // generates the certificate if it is missing
  return [devCertFile(config)]
}

main().catch((err: unknown) => {
  process.stderr.write(`${err instanceof ConfigError || err instanceof Damaged ? err.message : (err as Error).stack}\n`)
  process.exit(1)
})
