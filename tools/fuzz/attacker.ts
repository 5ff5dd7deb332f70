import { connect } from 'node:tls'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocket } from 'ws'
import { seeded } from '../random.ts'
import { signToken } from '../../scripts/sign-token.ts'
import { mutate } from './mutate.ts'
import { connectPacket, oneOf, validPacket, type Random } from './packets.ts'

// One process that fuzzes: attacker.ts <mqtts port> <wss port> <secret> <packets> <seed> <connections>. It reports progress as lines of
// JSON. The last line has what each connection sent last, to be examined if the broker ended.

const [mqtts, wss, secret, packets, seed, connections] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
]
const MAX_PACKETS = Number(packets)
const counts = { sent: 0, mutated: 0, connections: 0, closedByBroker: 0 }
const lastSent = new Map<number, string>()
const token = signToken('mallory', '1d', secret, { acl: { pub: ['fuzz/#'], sub: ['fuzz/#'] } })

/** Packets of one burst, cut at any byte. */
function burst(random: Random, version: 4 | 5): Buffer[] {
  const all: Buffer[] = []
  const share = random() < 0.6 ? 0 : random() * 0.3 // most of what follows a broken packet is never read
  for (let n = 1 + Math.floor(random() * 20); n > 0; n--) {
    const packet = validPacket(random, version)
    const isMutated = random() < share
    all.push(isMutated ? mutate(packet, random, validPacket(random, version)) : packet)
    counts.sent++
    if (isMutated) counts.mutated++
  }
  const whole = Buffer.concat(all)
  if (random() < 0.5) return [whole]
  const cut = Math.floor(random() * whole.length)
  return [whole.subarray(0, cut), whole.subarray(cut)]
}

function open(random: Random): Promise<Duplex | undefined> {
  return new Promise((resolve) => {
    if (random() < 0.1) {
      const ws = new WebSocket(`wss://127.0.0.1:${wss}/mqtt`, ['mqtt'], { rejectUnauthorized: false })
      ws.on('error', () => resolve(undefined))
      ws.once('open', () => resolve(createWebSocketStream(ws)))
      return
    }
    const socket = connect({ port: Number(mqtts), host: '127.0.0.1', rejectUnauthorized: false })
    socket.once('error', () => resolve(undefined))
    socket.once('secureConnect', () => resolve(socket))
  })
}

async function lane(number: number): Promise<void> {
  const random = seeded(Number(seed) + number * 7_919)
  while (counts.sent < MAX_PACKETS) {
    const stream = await open(random)
    if (!stream) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      continue
    }
    counts.connections++
    const closed = new Promise<void>((resolve) => {
      stream.on('error', () => {})
      stream.once('close', () => resolve())
    })
    stream.resume()
    const version = oneOf(random, [4, 5] as const)
    const first = connectPacket(random, version, token)
    const says = (bytes: Buffer): void => {
      lastSent.set(number, `${(lastSent.get(number) ?? '').slice(-1_000)} ${bytes.toString('hex').slice(0, 2_000)}`)
      stream.write(bytes)
    }
    const how = random()
    if (how < 0.1) says(mutate(first, random, validPacket(random, version)))
    else if (how < 0.15) for (const bytes of burst(random, version)) says(bytes)
    else says(first)
    for (let n = 0; n < 60 && !stream.destroyed && counts.sent < MAX_PACKETS; n++) {
      for (const bytes of burst(random, version)) {
        if (stream.destroyed) break
        says(bytes)
        await new Promise((resolve) => setTimeout(resolve, 1)) // so that it can be closed before the next
      }
      if (stream.writableLength > 100_000) {
        await Promise.race([closed, new Promise((resolve) => stream.once('drain', resolve))])
      }
    }
    if (stream.destroyed) counts.closedByBroker++
    stream.destroy()
  }
}

const tell = (more: object = {}): void => void process.stdout.write(`${JSON.stringify({ ...counts, ...more })}\n`)
const progress = setInterval(tell, 1_000)
process.on('SIGTERM', () => {
  tell({ lastSent: [...lastSent.values()].slice(0, 10) })
  process.exit(0)
})
await Promise.all(Array.from({ length: Number(connections) }, (_, i) => lane(i)))
clearInterval(progress)
tell({ done: true })
process.exit(0)
