import { once } from 'node:events'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import type { Stage } from './stage.ts'

/** HANDLER_EVENTS of the tests: events that plain handlers publish with the shared key and no file declares. */
export const PLAIN_EVENTS = 'contact,echoed,greeted,note_added,note_shared,thought,ticked,told'

/** A command as a plain handler receives it. */
export interface Delivered {
  command: string
  payload: Buffer
  /** The broker's stamp: all user properties of the delivery. */
  stamp: Record<string, string>
  /** Sends the PUBACK of a QoS 1 delivery; the next one comes after it. */
  acknowledge: (reasonCode?: number) => void
}

export interface PlainOptions {
  username?: string
  key?: string
  version?: 4 | 5
  mqtt?: IClientOptions
}

const DEADLINE = 30_000

/** A handler without our code: a public MQTT client with a key. */
export class PlainHandler {
  readonly mqtt: MqttClient
  readonly #unread: Delivered[] = []
  readonly #arrived = new EventTarget()

  private constructor(mqtt: MqttClient) {
    this.mqtt = mqtt
    const take = (
      command: string,
      payload: Buffer,
      userProperties: object,
      acknowledge: (code?: number) => void,
    ): void => {
      this.#unread.push({ command, payload, stamp: { ...userProperties }, acknowledge })
      this.#arrived.dispatchEvent(new Event('delivery'))
    }
    mqtt.options.customHandleAcks = (topic, payload, packet, done) => {
      take(topic, payload, packet.properties?.userProperties ?? {}, (code = 0) => done(code))
    }
    mqtt.on('message', (topic, payload, packet) => {
      if (packet.qos === 0) take(topic, payload, packet.properties?.userProperties ?? {}, () => {})
    })
  }

  /** @throws the CONNACK's refusal */
  static async connect(
    stage: Pick<Stage, 'url' | 'ca' | 'handlerKey' | 'keep'>,
    clientId: string,
    options: PlainOptions = {},
  ): Promise<PlainHandler> {
    const { username = 'handler', key = stage.handlerKey, version: protocolVersion = 5 } = options
    const login = { clientId, username, password: key, protocolVersion, ca: stage.ca, reconnectPeriod: 0 }
    const mqtt = await connectAsync(stage.url, { ...login, ...options.mqtt }, false)
    stage.keep({ close: () => mqtt.endAsync(true) })
    return new PlainHandler(mqtt)
  }

  /** @throws when the broker denies it */
  async takes(command: string, qos: 0 | 1 = 1): Promise<void> {
    await this.mqtt.subscribeAsync(command, { qos })
  }

  /** The oldest unread delivery, or the next one. */
  async gets(command?: string): Promise<Delivered> {
    const timeout = AbortSignal.timeout(DEADLINE)
    for (;;) {
      const at = this.#unread.findIndex((one) => command === undefined || one.command === command)
      if (at >= 0) return this.#unread.splice(at, 1)[0]!
      await once(this.#arrived, 'delivery', { signal: timeout }).catch(() => {
        throw new Error(`a handler did not receive ${command ?? 'a command'} in time`)
      })
    }
  }

  /** The number of unread deliveries. */
  get unread(): number {
    return this.#unread.length
  }

  /** Publishes an event; with `completes`, it completes that command. */
  async causes(topic: string, fields: object, completes?: string): Promise<void> {
    const properties = completes === undefined ? {} : { userProperties: { completes } }
    await this.mqtt.publishAsync(topic, JSON.stringify(fields), { qos: 1, properties })
  }

  /** Completes a command on `$done`. */
  async ends(said: object): Promise<void> {
    await this.mqtt.publishAsync('$done', JSON.stringify(said), { qos: 1 })
  }

  /** Breaks the connection without a DISCONNECT. */
  dies(): void {
    this.mqtt.stream.destroy()
  }
}
