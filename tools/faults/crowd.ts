import { connect, type MqttClient } from 'mqtt'
import type { Closable } from '../../shared/shutdown.ts'
import type { Ledger, Sent } from './ledger.ts'

/** Unanswered commands of one asker, at most. */
const IN_FLIGHT = 12
/** Users whom one asker asks in turn, enough that two equal events of one pair never have the same millisecond. */
const ASKED_BY_ONE = 6

export interface CrowdOptions {
  devices: number
  url: string
  ca: string
  token: (user: string) => string
  ledger: Ledger
}

/** Devices that reconnect by themselves. Half of them ask, half are asked; half speak MQTT 3.1.1, half 5. */
export class Crowd implements Closable {
  readonly #clients = new Map<string, MqttClient>()
  readonly #options: CrowdOptions
  readonly #pairs: [asker: string, asked: string[]][]
  #isAsking = false
  #isClosed = false
  #calm = (): void => {}

  private constructor(options: CrowdOptions) {
    this.#options = options
    const half = Math.ceil(options.devices / 2)
    this.#pairs = Array.from({ length: half }, (_, i) => [
      `asker${i}`,
      Array.from({ length: ASKED_BY_ONE }, (_each, j) => `asked${(i + j) % half}`),
    ])
  }

  static async open(options: CrowdOptions): Promise<Crowd> {
    const crowd = new Crowd(options)
    const names = crowd.#pairs.flatMap(([asker], i) => [asker, `asked${i}`])
    for (let i = 0; i < names.length; i += 50)
      await Promise.all(names.slice(i, i + 50).map((name, j) => crowd.#join(name, ((i + j) >> 1) % 2 === 0 ? 5 : 4)))
    return crowd
  }

  get connected(): number {
    return [...this.#clients.values()].filter(({ connected }) => connected).length
  }

  get size(): number {
    return this.#clients.size
  }

  /** Starts sending; each answer triggers the next command. */
  ask(): void {
    this.#isAsking = true
    for (const [asker] of this.#pairs) for (let i = 0; i < IN_FLIGHT; i++) this.#send(asker)
  }

  /** Stops sending. Resolves when everything is answered, or when nothing has arrived for so many milliseconds. */
  async calm(patience: number): Promise<void> {
    this.#isAsking = false
    const { open } = this.#options.ledger
    while (open.size > 0) {
      const before = open.size
      const news = new Promise<void>((resolve) => (this.#calm = resolve))
      await Promise.race([news, new Promise((resolve) => setTimeout(resolve, patience).unref())])
      if (open.size === before) return
    }
  }

  /** Each asker's contact list, read page by page with `get_contact_list`. */
  async lists(): Promise<Map<string, Set<string>>> {
    const lists = new Map<string, Set<string>>()
    for (const [asker] of this.#pairs) lists.set(asker, await this.#listOf(asker))
    return lists
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#clients.values()].map((client) => client.endAsync(true)))
  }

  async #join(name: string, version: 4 | 5): Promise<void> {
    const { url, ca, token, ledger } = this.#options
    const client = connect(url, {
      ca,
      clientId: 'phone',
      username: 'JWT',
      password: token(name),
      clean: false,
      protocolVersion: version,
      ...(version === 5 && { properties: { sessionExpiryInterval: 86_400 } }),
      reconnectPeriod: 200,
      connectTimeout: 5_000,
      keepalive: 5,
      resubscribe: false,
    })
    this.#clients.set(name, client)
    client.on('error', () => {}) // it reconnects
    client.on('message', (_topic, payload, { dup }) => {
      const text = payload.toString()
      const event = JSON.parse(text) as { event: string; re?: string; user_id?: string; contacts?: unknown }
      if (event.contacts !== undefined) client.emit('listed' as 'connect', event as never)
      else if (event.re === undefined) ledger.heard(name, event.event, event.user_id ?? '', text, dup)
      else if (ledger.answered(name, event.event, event.re, text)) {
        this.#calm()
        if (this.#isAsking) this.#send(name)
      }
    })
    if (!client.connected) await heard(client, 'connect')
    noDelay(client)
    client.on('connect', () => noDelay(client))
    await client.subscribeAsync(`${name}_events`, { qos: 1 })
  }

  #send(asker: string): void {
    const { ledger } = this.#options
    const [, asked] = this.#pairs.find(([name]) => name === asker)!
    this.#publish(ledger.next(asker, asked))
  }

  #publish(sent: Sent): void {
    const { ledger } = this.#options
    const note = sent.command === 'request_contact' ? { note: sent.id } : undefined // so that no two events are equal
    const body = JSON.stringify({ id: sent.id, user_id: sent.asked, ...note })
    this.#clients.get(sent.asker)!.publish(sent.command, body, { qos: 1 }, (err) => {
      if (!err) ledger.acknowledged(sent)
      else if ('code' in err && typeof err.code === 'number') ledger.refused(sent, err.code)
      // mqtt.js gives up what waits behind a resending that breaks off; its id lets it be sent again without a thought.
      else if (!this.#isClosed) setImmediate(() => this.#publish(sent))
    })
  }

  async #listOf(asker: string): Promise<Set<string>> {
    const client = this.#clients.get(asker)!
    const listed = heard(client, 'listed')
    await client.publishAsync('get_contact_list', '{"limit":100}', { qos: 1 })
    const { contacts } = (await listed) as { contacts: { user_id: string }[] }
    return new Set(contacts.map(({ user_id }) => user_id))
  }
}

/** Resolves with an event's arguments; unlike Node's `once`, it survives a refused connection attempt before. */
function heard(client: MqttClient, event: 'connect' | 'listed'): Promise<unknown> {
  return new Promise((resolve) => client.once(event as 'connect', resolve))
}

function noDelay({ stream }: MqttClient): void {
  if ('setNoDelay' in stream) (stream as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true)
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
