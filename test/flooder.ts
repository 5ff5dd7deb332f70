import { connect, type TLSSocket } from 'node:tls'
import { generate, type Packet } from 'mqtt-packet'
import { tokenFor } from './device.ts'

// An attacker in a separate process: flooder.ts <kind> <port> <secret> <seconds>.

const [kind, port, secret, seconds] = process.argv.slice(2) as [string, string, string, string]
const until = Date.now() + Number(seconds) * 1000

function first(socket: TLSSocket, ...events: string[]): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve()
    for (const event of events) socket.once(event, () => resolve())
  })
}

async function open(): Promise<TLSSocket> {
  const socket = connect({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false })
  socket.on('error', () => {})
  await first(socket, 'secureConnect', 'close')
  return socket
}

function login(user: string, clientId: string, token = tokenFor(user, secret)): Buffer {
  const packet = {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    username: 'JWT',
    keepalive: 60,
    clean: true,
  } as const
  return generate({ ...packet, clientId, password: Buffer.from(token) })
}

/** Sends the same bytes as fast as the socket accepts them, and reopens connections that are closed. */
async function floodWith(packets: Packet[], user: string): Promise<void> {
  const chunk = Buffer.concat(packets.map((packet) => generate(packet)))
  for (let n = 0; Date.now() < until; n++) {
    const socket = await open()
    socket.resume().write(login(user, `c${n}`))
    while (!socket.destroyed && socket.writable && Date.now() < until) {
      if (!socket.write(chunk)) await first(socket, 'drain', 'close')
      await new Promise((resolve) => setImmediate(resolve))
    }
    socket.destroy()
  }
}

const many = (packet: Packet): Packet[] => Array.from({ length: 100 }, () => packet)
const publish = (topic: string, payload: string, qos: 0 | 1): Packet => ({
  cmd: 'publish',
  topic,
  payload,
  qos,
  dup: false,
  retain: false,
  ...(qos > 0 && { messageId: 7 }),
})

const KINDS: Record<string, () => Promise<unknown>> = {
  commands: () => floodWith(many(publish('get_contact_list', '{}', 1)), 'mallory'),
  'unknown words': () => floodWith(many(publish('no_such_word', 'x'.repeat(1_000), 0)), 'mallory'),
  pings: () => floodWith(many({ cmd: 'pingreq' }), 'mallory'),
  subscribes: () =>
    floodWith(
      many({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'mallory_events', qos: 1 }] }),
      'mallory',
    ),
  'forged logins': () =>
    Promise.all(
      Array.from({ length: 20 }, async (_, lane) => {
        while (Date.now() < until) {
          const socket = await open()
          socket.resume().write(login('alice', `l${lane}`, tokenFor('alice', 'not the secret')))
          await first(socket, 'close')
        }
      }),
    ),
  'stalled subscribers': async () => {
    const stalled = await Promise.all(
      Array.from({ length: 95 }, async (_, i) => {
        const socket = await open()
        socket.write(login('mallory', `s${i}`))
        socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'mallory_events', qos: 1 }] }))
        return socket.pause()
      }),
    )
    const socket = await open()
    socket.resume().write(login('mallory', 'talker'))
    while (Date.now() < until) {
      socket.write(generate(publish('no_such_word', 'x', 1)))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    for (const one of stalled) one.destroy()
  },
}

await KINDS[kind]!()
process.exit(0)
