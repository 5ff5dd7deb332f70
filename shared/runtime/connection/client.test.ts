import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createSecureContext, createServer, type TLSSocket } from 'node:tls'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { generate, parser, type Packet } from 'mqtt-packet'
import { ownData } from '../../../test/own-data.ts'
import { readConfig } from '../../config.ts'
import { tlsFiles } from '../../dev-secrets.ts'
import type { Connack } from '../../wire/mqtt/connect.ts'
import type { Publish } from '../../wire/mqtt/publish.ts'
import { BrokerRefusal, ConnectionLost, TooLarge } from './client-faults.ts'
import { Client } from './client.ts'

// Our client against a broker made of mqtt-packet.

const V5 = { protocolVersion: 5 }
type Got = Packet & { socket: TLSSocket; messageId: number; payload: Buffer }

/** Hands out what comes, in order, to whoever asks for the next. */
class Line<T> {
  readonly #come: T[] = []
  #wake = (): void => {}
  push(one: T): void {
    this.#come.push(one)
    this.#wake()
  }
  async next(fits: (one: T) => boolean = () => true): Promise<T> {
    for (;;) {
      const at = this.#come.findIndex(fits)
      if (at >= 0) return this.#come.splice(at, 1)[0]!
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}

let got: Line<Got>
let told: Line<[name: string, value?: Connack | Publish | Error]>
let contexts: number
let client: Client
let close: () => Promise<void>
/** Whether the broker resets a connection on which it gets a DISCONNECT. */
let resets: boolean

const send = (socket: TLSSocket, ...packets: Packet[]): void =>
  void socket.write(Buffer.concat(packets.map((one) => generate(one, V5))))
const gets = (cmd: Packet['cmd']): Promise<Got> => got.next((one) => one.cmd === cmd)
const tells = async (name: string): Promise<unknown> => (await told.next(([one]) => one === name))[1]
const connack = (properties: object = {}): Packet => ({
  cmd: 'connack',
  sessionPresent: false,
  reasonCode: 0,
  properties,
})

beforeEach(async () => {
  const data = await ownData()
  const tls = await tlsFiles(readConfig(data.settings))
  got = new Line()
  told = new Line()
  contexts = 0
  resets = false
  const sockets = new Set<TLSSocket>()
  const server = createServer(tls, (socket) => {
    sockets.add(socket)
    const reader = parser(V5)
    reader.on('packet', (packet) => {
      got.push({ ...packet, socket } as Got)
      if (resets && packet.cmd === 'disconnect') tcp.resetAndDestroy()
    })
    socket.on('data', (chunk) => reader.parse(chunk)).on('error', () => {})
  })
  let tcp: Socket
  server.on('connection', (socket: Socket) => (tcp = socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  client = new Client(
    {
      url: `mqtts://127.0.0.1:${(server.address() as AddressInfo).port}`,
      login: {
        clientId: 'tries.1',
        username: 'handler',
        password: 'a key',
        keepalive: 5,
        receiveMaximum: 8,
        userProperties: [['keeps-order', 'true']],
      },
      secureContext() {
        contexts++
        return createSecureContext({ ca: [tls.cert] })
      },
    },
    {
      connected: (one) => told.push(['connected', one]),
      message: (one) => told.push(['message', one]),
      heard: () => told.push(['heard']),
      lost: () => told.push(['lost']),
      away: () => told.push(['away']),
      failed: (err) => told.push(['failed', err]),
    },
  )
  close = async () => {
    await client.end()
    for (const socket of sockets) socket.destroy()
    server.close()
    await data.close()
  }
})
afterEach(() => close())

/** Waits for an established connection. */
async function connected(properties: object = {}): Promise<TLSSocket> {
  const { socket } = await gets('connect')
  send(socket, connack(properties))
  await tells('connected')
  return socket
}

const published = (topic = '$done', payload = '{}'): Promise<Error | undefined> =>
  new Promise((resolve) => client.publish(topic, payload, resolve))

test("logs in, and learns the broker's limits", async () => {
  const connect = await gets('connect')
  expect(connect).toMatchObject({
    protocolVersion: 5,
    clean: true,
    clientId: 'tries.1',
    username: 'handler',
    password: Buffer.from('a key'),
    keepalive: 5,
    properties: { receiveMaximum: 8, userProperties: { 'keeps-order': 'true' } },
  })
  const said = { maximumPacketSize: 100_000, receiveMaximum: 20, reasonString: 'welcome', userProperties: { a: 'b' } }
  send(
    connect.socket,
    connack({ ...said, topicAliasMaximum: 3, retainAvailable: false, assignedClientIdentifier: 'x' }),
  )
  expect(await tells('connected')).toMatchObject({ maximumPacketSize: 100_000, receiveMaximum: 20 })
})

test('reports a refused connection, and tries again with certificates read again', async () => {
  const { socket } = await gets('connect')
  send(socket, { cmd: 'connack', sessionPresent: false, reasonCode: 0x87 })
  expect(await tells('failed')).toMatchObject({
    name: 'BrokerRefusal',
    reasonCode: 0x87,
    message: expect.stringContaining('Not authorized'),
  })
  await tells('away')
  await connected()
  expect(contexts).toBe(2)
})

test("a PUBLISH is accepted, or refused with the broker's reason", async () => {
  const socket = await connected()
  const taken = published('$done', 'grün')
  const first = await gets('publish')
  expect(first).toMatchObject({ topic: '$done', payload: Buffer.from('grün'), qos: 1, dup: false })
  send(socket, { cmd: 'puback', messageId: first.messageId })
  expect(await taken).toBeUndefined()
  await tells('heard')
  send(socket, { cmd: 'pingresp' })
  await tells('heard')
  const refused = published()
  const { messageId } = await gets('publish')
  send(socket, { cmd: 'puback', messageId, reasonCode: 0x99, properties: { reasonString: '$done: no JSON' } })
  const err = await refused
  expect(err).toBeInstanceOf(BrokerRefusal)
  expect(err).toMatchObject({ reasonCode: 0x99, message: '$done: no JSON' })
})

test("keeps to the broker's Receive Maximum and Maximum Packet Size [MQTT-3.3.4-9]", async () => {
  const socket = await connected({ receiveMaximum: 2, maximumPacketSize: 200 })
  const all = ['1', '2', '3'].map((n) => published('$done', n))
  client.send('$busy', 'after all of them')
  const sent = [await gets('publish'), await gets('publish'), await gets('publish')]
  expect(sent.map(({ payload }) => payload.toString())).toEqual(['1', '2', 'after all of them'])
  send(socket, { cmd: 'puback', messageId: sent[0]!.messageId })
  const third = await gets('publish')
  expect(third.payload.toString()).toBe('3')
  send(socket, ...[sent[1]!, third].map(({ messageId }): Packet => ({ cmd: 'puback', messageId })))
  expect(await Promise.all(all)).toEqual([undefined, undefined, undefined])
  expect(await published('$done', 'x'.repeat(200))).toBeInstanceOf(TooLarge)
})

test('a waiting publish that is too large does not hold up those after it', async () => {
  const socket = await connected({ receiveMaximum: 1, maximumPacketSize: 200 })
  const all = ['1', 'x'.repeat(200), '3'].map((text) => published('$done', text))
  const first = await gets('publish')
  send(socket, { cmd: 'puback', messageId: first.messageId })
  const third = await gets('publish')
  expect(third.payload.toString()).toBe('3')
  send(socket, { cmd: 'puback', messageId: third.messageId })
  expect(await Promise.all(all)).toEqual([undefined, expect.any(TooLarge), undefined])
})

test('what was not answered fails with its connection, and is not sent again on the next', async () => {
  const socket = await connected({ receiveMaximum: 1 })
  const { connection } = client
  const all = [
    published('$done', 'sent'),
    published('$done', 'waits'),
    client.subscribe(['a'], 0).catch((err: Error) => err),
  ]
  await gets('subscribe')
  socket.destroy()
  await tells('lost')
  for (const err of await Promise.all(all)) expect(err).toBeInstanceOf(ConnectionLost)
  expect(await published('$done', 'while away')).toBeInstanceOf(ConnectionLost)
  await gets('publish')
  const next = await connected()
  expect(client.connection).not.toBe(connection)
  void published('$done', 'new')
  expect((await gets('publish')).payload.toString()).toBe('new')
  next.destroy()
})

test('receives messages at QoS 0 and 1, and acknowledges the latter', async () => {
  const socket = await connected()
  const subscribed = client.subscribe(['try_it', 'other'], 1)
  const { messageId, ...subscribe } = await gets('subscribe')
  expect(subscribe).toMatchObject({
    subscriptions: [
      { topic: 'try_it', qos: 1 },
      { topic: 'other', qos: 1 },
    ],
  })
  send(socket, { cmd: 'suback', messageId, granted: [1, 0x87] })
  expect(await subscribed).toEqual([1, 0x87])
  const message = { cmd: 'publish', topic: 'try_it', payload: '{}', dup: false, retain: false } as const
  send(
    socket,
    { ...message, qos: 0, properties: { userProperties: { attempt: '1' } } },
    { ...message, qos: 1, messageId: 7 },
  )
  expect(await tells('message')).toMatchObject({ topic: 'try_it', properties: { userProperties: [['attempt', '1']] } })
  expect(await tells('message')).toMatchObject({ qos: 1 })
  expect(await gets('puback')).toMatchObject({ messageId: 7 })
  const unsubscribed = client.unsubscribe(['try_it'])
  const last = await gets('unsubscribe')
  send(socket, { cmd: 'unsuback', messageId: last.messageId, granted: [0] })
  await unsubscribed
})

test('sends PINGREQs, and closes a connection on which nothing comes back', async () => {
  await connected({ serverKeepAlive: 1 })
  await gets('pingreq')
  expect(await tells('failed')).toMatchObject({ message: 'the broker does not answer' })
  await tells('lost')
})

test('closes the connection to a broker that breaks the protocol', async () => {
  const socket = await connected()
  socket.write(Buffer.from([0x36, 0]))
  expect(await tells('failed')).toMatchObject({ name: 'MalformedPacket', message: 'a PUBLISH of QoS 3' })
  await tells('lost')
})

test('ends by sending what is buffered and a DISCONNECT, and does not reconnect', async () => {
  await connected()
  client.send('$busy', 'last')
  const ended = client.end()
  expect((await gets('publish')).payload.toString()).toBe('last')
  await gets('disconnect')
  await ended
  expect(client.isConnected).toBe(false)
})

test('a connection that is reset after its DISCONNECT has ended, not failed', async () => {
  await connected()
  resets = true
  await client.end()
  told.push(['over'])
  for (const name of ['lost', 'over']) expect((await told.next())[0]).toBe(name)
})
