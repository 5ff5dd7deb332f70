import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, type IClientOptions, type IClientPublishOptions, type IConnackPacket, type MqttClient } from 'mqtt'
import jwt from 'jsonwebtoken'
import { userIdOf, type UserId } from '../shared/wire/user-id.ts'

/** An event as a device received it. */
export interface Received {
  event: string
  at: string
  re?: string
  [field: string]: unknown
}

export interface DeviceOptions {
  version?: 4 | 5
  over?: 'tls' | 'wss'
  clientId?: string
  /** Names of events to subscribe to, one topic each; by default, all on `<user>_events`. */
  hears?: string[]
  /** Replaces the default token, which is valid for an hour. */
  token?: string
  mqtt?: IClientOptions
}

/** Milliseconds to wait for what is about to come. A hundred stored commands on a machine ten times overloaded take half of it. */
const DEADLINE = 60_000

/** A person at a device: a public MQTT client, and the events it has received. */
export class Device {
  readonly user: UserId
  readonly mqtt: MqttClient
  /** The broker's last CONNACK. */
  connack: IConnackPacket | undefined
  readonly #unread: Received[] = []
  /** Those who wait for an event, the longest first. */
  readonly #waiting = new Set<{ isWanted: (one: Received) => boolean; got: (one: Received) => void }>()
  readonly #arrived = new EventTarget()

  private constructor(user: UserId, mqtt: MqttClient) {
    this.user = user
    this.mqtt = mqtt
    mqtt.on('connect', (connack) => (this.connack = connack))
    const heard = new Set<string>()
    mqtt.on('message', (topic, payload, { dup }) => {
      const message = `${topic} ${payload.toString()}`
      if (dup && heard.has(message)) return // a retransmission: its PUBACK was lost [MQTT-4.3.2]
      heard.add(message)
      const event = topic.slice(user.length + 1)
      this.#gets({ event, ...(JSON.parse(payload.toString()) as Omit<Received, 'event'>) } as Received)
    })
  }

  static async connect(
    sub: string,
    url: string,
    secret: string,
    ca: string,
    options: DeviceOptions = {},
  ): Promise<Device> {
    const { version = 5, clientId = `device-${randomUUID().slice(0, 8)}`, token = tokenFor(sub, secret) } = options
    const mqtt = connect(url, {
      protocolVersion: version,
      clientId,
      ca,
      username: 'JWT',
      password: token,
      reconnectPeriod: 0,
      ...options.mqtt,
    })
    const device = new Device(userIdOf(sub), mqtt) // listens before CONNACK, which a kept session's events follow at once
    try {
      await connected(mqtt)
    } catch (err) {
      await mqtt.endAsync(true)
      throw err
    }
    if ('setNoDelay' in mqtt.stream) (mqtt.stream as Socket).setNoDelay(true)
    const events = options.hears ? [...options.hears, 'session_info'] : ['events']
    await mqtt.subscribeAsync(
      events.map((event) => `${device.user}_${event}`),
      { qos: 1 },
    )
    return device
  }

  /** Publishes a command at QoS 1; resolves at its PUBACK with the command's id. */
  async sends(command: string, fields: object, options: { id?: string } & IClientPublishOptions = {}): Promise<string> {
    const { id = randomUUID(), ...publish } = options
    await this.mqtt.publishAsync(command, JSON.stringify({ id, ...fields }), { qos: 1, ...publish })
    return id
  }

  /** Sends a command and resolves with its answer, which may be a refusal. */
  async asks(
    command: string,
    fields: object = {},
    options: { id?: string } & IClientPublishOptions = {},
  ): Promise<Received> {
    const id = options.id ?? randomUUID()
    this.sends(command, fields, { ...options, id }).catch(() => {}) // MQTT 5 also reports a refusal in the PUBACK
    return this.#take(({ re, event }) => re === id && event !== 'command_queued', `the answer to ${command}`)
  }

  /** The oldest unread event of that name, or the next one. */
  receives(event: string): Promise<Received> {
    return this.#take((one) => one.event === event, event)
  }

  /** Resolves when this many events of that name are unread; leaves them unread. */
  async hears(event: string, times = 1): Promise<void> {
    const timeout = AbortSignal.timeout(DEADLINE)
    while (this.#unread.filter((one) => one.event === event).length < times) {
      await once(this.#arrived, 'event', { signal: timeout }).catch(() => {
        throw this.#missed(event)
      })
    }
  }

  /** The oldest unread event, or the next one. */
  next(deadline = DEADLINE): Promise<Received> {
    return this.#take(() => true, 'anything', deadline)
  }

  /** Takes all unread events, among them everything published to this user before the call. */
  async unread(): Promise<Received[]> {
    await this.asks('whoami')
    return this.#unread.splice(0)
  }

  /** Resolves when it is connected again. Ignores failed attempts, for which Node's `once()` would reject. */
  async isBack(): Promise<void> {
    if (!this.mqtt.connected) await new Promise((resolve) => this.mqtt.once('connect', resolve))
  }

  async leaves(): Promise<void> {
    await this.mqtt.endAsync()
  }

  #gets(one: Received): void {
    for (const waiting of this.#waiting) {
      if (!waiting.isWanted(one)) continue
      this.#waiting.delete(waiting)
      waiting.got(one)
      return
    }
    this.#unread.push(one)
    this.#arrived.dispatchEvent(new Event('event'))
  }

  async #take(isWanted: (one: Received) => boolean, name: string, deadline = DEADLINE): Promise<Received> {
    const at = this.#unread.findIndex(isWanted)
    if (at >= 0) return this.#unread.splice(at, 1)[0]!
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting)
        reject(this.#missed(name))
      }, deadline)
      timer.unref() // some questions are never answered, and nobody waits for them
      const got = (one: Received): void => {
        clearTimeout(timer)
        resolve(one)
      }
      const waiting = { isWanted, got }
      this.#waiting.add(waiting)
    })
  }

  #missed(name: string): Error {
    const heard = this.#unread.map(({ event }) => event).join(', ')
    return new Error(`${this.user} did not receive ${name}; unread: ${heard || 'nothing'}`)
  }
}

function connected(mqtt: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    mqtt.once('connect', () => resolve())
    mqtt.once('error', reject)
    mqtt.once('close', () => reject(new Error('closed before CONNACK')))
  })
}

/** A token as an app's back-end would sign it. */
export function tokenFor(sub: unknown, secret: string, claims: object = {}): string {
  return jwt.sign({ sub, exp: Math.floor(Date.now() / 1000) + 3600, ...claims }, secret, { algorithm: 'HS256' })
}
