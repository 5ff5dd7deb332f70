import { fileURLToPath } from 'node:url'
import { startBroker, type Broker } from '../broker/broker.ts'
import { openTurn } from '../handlers/turn-settings.ts'
import { readConfig, type Config } from '../shared/config.ts'
import { sharedHandlerKeys, tlsFiles, tokenSecrets } from '../shared/dev-secrets.ts'
import { openLog } from '../shared/log.ts'
import { Sampling } from '../shared/sampled-log.ts'
import { declarationOf, describe, loadGroup, type Commands } from '../shared/runtime/scan.ts'
import { handlerSettings } from '../shared/runtime/handler-settings.ts'
import type { OpenConnection } from '../shared/runtime/connection/open.ts'
import { serveGroup } from '../shared/runtime/serve.ts'
import { closeAll, type Closable } from '../shared/shutdown.ts'
import { openStore } from '../shared/store/open.ts'
import { carried } from './carried.ts'
import { shareCertificate } from './certificate.ts'
import { Device, type DeviceOptions } from './device.ts'
import { inThisThread } from './in-this-thread.ts'
import { ownData } from './own-data.ts'
import { PLAIN_EVENTS } from './plain-handler.ts'

export const HANDLERS = fileURLToPath(new URL('../handlers', import.meta.url))

/** A test's own platform: a real broker on random ports with fresh data, the groups it asks for, and devices. */
export interface Stage {
  readonly broker: Broker
  readonly config: Config
  /** The settings by which another process finds the handlers' data. */
  readonly data: Record<string, string>
  readonly url: string
  /** MQTT over WebSocket. */
  readonly wss: string
  /** Health and metrics. */
  readonly admin: string
  readonly ca: string
  readonly secret: string
  readonly handlerKey: string
  device(sub: string, options?: DeviceOptions): Promise<Device>
  /**
   * Serves a group in this process as another handler process would; closing it drains it. Declares the test's own commands too.
   * @param open opens its connection; by default in this thread
   */
  serve(group: string, commands?: Commands, open?: OpenConnection): Promise<Closable>
  /** Closes this with the stage. */
  keep<T extends Closable>(opened: T): T
  close(): Promise<void>
}

/**
 * Opens a stage that serves these groups.
 * @param settings override the defaults, by the names of the environment
 * @param heard gets every log line, from debug up
 * @param carry carries messages between the broker's halves
 */
export async function openStage(
  groups: string | string[] = [],
  settings: Record<string, string> = {},
  heard?: string[],
  carry: typeof carried = carried,
): Promise<Stage> {
  const data = await ownData()
  const config = readConfig({
    NODE_ENV: 'test',
    MQTTS_PORT: '0',
    WSS_PORT: '0',
    ADMIN_PORT: '0',
    LOG_LEVEL: heard ? 'debug' : (process.env['LOG_LEVEL'] ?? 'silent'),
    RETRY_DELAY: '20',
    HANDLER_EVENTS: PLAIN_EVENTS,
    ...data.settings,
    ...settings,
  })
  const all = new Sampling({ first: Infinity })
  const log = openLog(config.LOG_LEVEL, 'test', heard && { write: (line) => void heard.push(line) }, all)
  await shareCertificate(config.DATA_DIR)
  const { cert: ca } = await tlsFiles(config)
  const [secret, handlerKey] = [tokenSecrets(config)[0]!, sharedHandlerKeys(config)[0]!]
  const catalogue = await describe(HANDLERS)
  const broker = await startBroker(config, catalogue, log, carry)
  const store = await openStore(config, log)
  const turn = openTurn(config)
  const opened: Closable[] = [data, ...(turn ? [turn] : []), store, broker]
  const url = `mqtts://127.0.0.1:${broker.ports.mqtts}`
  const wss = `wss://127.0.0.1:${broker.ports.wss}/mqtt`
  const keep = <T extends Closable>(one: T): T => {
    opened.push(one)
    return one
  }
  const stage: Stage = {
    broker,
    config,
    data: data.settings,
    url,
    wss,
    admin: `http://127.0.0.1:${broker.ports.admin}`,
    ca,
    secret,
    handlerKey,
    keep,
    async device(sub, options) {
      const device = await Device.connect(sub, options?.over === 'wss' ? wss : url, secret, ca, options)
      keep({ close: () => device.mqtt.endAsync(true) })
      return device
    },
    async serve(group, commands, open = inThisThread) {
      const login = { url, ca: [ca], key: handlerKey, ownKey: false }
      const settings = handlerSettings(config, turn)
      const options = { group, store, settings, log, broker: login, window: config.HANDLER_WINDOW, open }
      if (commands) await broker.reload({ ...catalogue, [group]: declarationOf(commands) })
      const served = await serveGroup({ ...options, commands: commands ?? (await loadGroup(HANDLERS, group)) })
      let closing: Promise<void> | undefined
      return keep({ close: () => (closing ??= served.close()) })
    },
    close: () => closeAll(opened),
  }
  for (const group of [groups].flat()) await stage.serve(group)
  return stage
}
