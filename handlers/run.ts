import { rootCertificates } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { ConfigError, readConfig, type Config } from '../shared/config.ts'
import { readPem, sharedHandlerKeys, tlsFiles } from '../shared/dev-secrets.ts'
import { dialled } from '../shared/dial.ts'
import { openLog } from '../shared/log.ts'
import { groupsIn, loadGroup } from '../shared/runtime/scan.ts'
import { handlerSettings } from '../shared/runtime/handler-settings.ts'
import { serveGroup } from '../shared/runtime/serve.ts'
import { closeOnSignal, type Closable } from '../shared/shutdown.ts'
import { openData } from './open-data.ts'
import { Damaged } from '../shared/wire/refusal.ts'
import { openTurn } from './turn-settings.ts'

// npm run handlers -- contacts [more…]: one process of each of these groups. Run it again to scale.

const here = fileURLToPath(new URL('.', import.meta.url))
const groups = process.argv.slice(2)

async function main(): Promise<void> {
  if (groups.length === 0 || groups.some((name) => name.startsWith('-'))) {
    throw new ConfigError(`usage: npm run handlers -- <group> [more…]\ngroups: ${(await groupsIn(here)).join(', ')}`)
  }
  const config = readConfig()
  const log = openLog(config.LOG_LEVEL, groups.join('+'))
  const opened: Closable[] = []
  closeOnSignal(opened, log)
  const loaded = await Promise.all(groups.map((group) => loadGroup(here, group)))
  const url = config.BROKER_URL ?? `mqtts://${dialled(config.HOST)}:${config.MQTTS_PORT}`
  const ca = [...rootCertificates, ...(await brokerCa(config))]
  const store = await openData(config, log)
  opened.push(store)
  const turn = openTurn(config)
  if (turn) opened.push(turn)
  const settings = handlerSettings(config, turn)
  for (const [i, group] of groups.entries()) {
    const own = config.HANDLER_KEYS.get(group)?.[0]
    const key = own ?? sharedHandlerKeys(config)[0]
    if (key === undefined) throw new ConfigError(`HANDLER_KEYS: has no key for ${group}, and HANDLER_KEY is not set`)
    const broker = { url, ca, key, ownKey: own !== undefined }
    const served = { group, commands: loaded[i]!, store, settings, log, broker }
    opened.push(await serveGroup({ ...served, window: config.HANDLER_WINDOW }))
  }
  process.send?.({ ready: groups })
}

/** Whom to believe besides the public authorities; in production perhaps nobody. The broker's own key is not needed. */
async function brokerCa(config: Config): Promise<string[]> {
  if (config.BROKER_CA) return [readPem('BROKER_CA', config.BROKER_CA)]
  if (config.TLS_CERT) return [readPem('TLS_CERT', config.TLS_CERT)]
  return config.production ? [] : [(await tlsFiles(config)).cert]
}

main().catch((err: unknown) => {
  process.stderr.write(`${err instanceof ConfigError || err instanceof Damaged ? err.message : (err as Error).stack}\n`)
  process.exit(1)
})
