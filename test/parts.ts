import { readConfig } from '../shared/config.ts'
import { tlsFiles } from '../shared/dev-secrets.ts'
import { closeAll, type Closable } from '../shared/shutdown.ts'
import { shareCertificate } from './certificate.ts'
import { Device, type DeviceOptions } from './device.ts'
import { freePorts } from './free-port.ts'
import { ownData, type OwnData } from './own-data.ts'
import { PLAIN_EVENTS } from './plain-handler.ts'
import { Run, type RunOptions } from './process.ts'

const [SECRET, HANDLER_KEY] = ['a secret of the tests', 'a handler key of the tests']

/** A platform of separate processes that a test may kill. Its ports and data survive them. */
export class Parts implements Closable {
  readonly dir: string
  readonly ca: string
  readonly handlerKey = HANDLER_KEY
  readonly env: Record<string, string>
  broker!: Run
  readonly #opened: Closable[]

  private constructor(data: OwnData, ca: string, settings: Record<string, string>) {
    this.dir = data.settings.DATA_DIR
    this.ca = ca
    this.env = {
      ...data.settings,
      SECRET,
      HANDLER_KEY,
      LOG_LEVEL: 'warn',
      RETRY_DELAY: '20',
      HANDLER_EVENTS: PLAIN_EVENTS,
      ...settings,
    }
    this.#opened = [data]
  }

  /** Opens a platform with a running broker. */
  static async open(settings: Record<string, string> = {}): Promise<Parts> {
    const data = await ownData()
    await shareCertificate(data.settings.DATA_DIR)
    const { cert } = await tlsFiles(readConfig(data.settings))
    const parts = new Parts(data, cert, { ...(await freePorts()), ...settings })
    await parts.startBroker()
    return parts
  }

  get url(): string {
    return `mqtts://127.0.0.1:${this.env['MQTTS_PORT']}`
  }

  /** MQTT over WebSocket. */
  get wss(): string {
    return `wss://127.0.0.1:${this.env['WSS_PORT']}/mqtt`
  }

  /** Health and metrics. */
  get admin(): string {
    return `http://127.0.0.1:${this.env['ADMIN_PORT']}`
  }

  /** The settings by which an operator's script finds this platform. */
  get operator(): RunOptions {
    return { env: this.env }
  }

  /** What `/readyz` says. */
  async isReady(): Promise<boolean> {
    return (await this.#readyz()).ok
  }

  /** The lines of `/readyz`: `ready`, or `degraded` and one line per fault. */
  async readyz(): Promise<string[]> {
    return (await (await this.#readyz()).text()).trimEnd().split('\n')
  }

  #readyz(): Promise<Response> {
    return fetch(`${this.admin}/readyz`)
  }

  /** @param through the command that runs it, such as `unshare` */
  async startBroker(more: Record<string, string> = {}, through: string[] = []): Promise<Run> {
    this.broker = this.keep(new Run(['broker/main.ts'], { env: { ...this.env, ...more }, through }))
    await this.broker.ready
    return this.broker
  }

  async killBroker(): Promise<void> {
    this.broker.kill('SIGKILL')
    await this.broker.ended
  }

  async startHandlers(group = 'contacts', more: Record<string, string> = {}): Promise<Run> {
    const run = this.keep(new Run(['handlers/run.ts', group], { env: { ...this.env, BROKER_URL: this.url, ...more } }))
    await run.ready
    return run
  }

  /** A device with a persistent session that reconnects by itself. */
  async device(sub: string, options: DeviceOptions = {}): Promise<Device> {
    const lasting = options.version === 4 ? {} : { properties: { sessionExpiryInterval: 3_600 } }
    const mqtt = { clean: false, reconnectPeriod: 50, ...lasting, ...options.mqtt }
    const device = await Device.connect(sub, this.url, SECRET, this.ca, { clientId: 'phone', ...options, mqtt })
    this.keep({ close: () => device.mqtt.endAsync(true) })
    return device
  }

  keep<T extends Closable>(one: T): T {
    this.#opened.push(one)
    return one
  }

  close(): Promise<void> {
    return closeAll(this.#opened)
  }
}
