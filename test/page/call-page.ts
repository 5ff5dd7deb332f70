import type { MqttClient } from 'mqtt'
import type { Answer, Login, Phone, Sight } from '../phone.ts'
import { Call, type Signal } from './call.ts'

// The script of a page: logs in with mqtt.js over WSS as an app would, accepts every call, and reports what it sees.

declare const mqtt: Pick<typeof import('mqtt'), 'connect'>

const MEDIA = { audio: true, video: { width: 320, height: 240, frameRate: 15 } }
/** Milliseconds between two checks. */
const EVERY = 100
const NO_CALL = { callId: undefined, connection: 'none', way: undefined, fragment: undefined } as const

let client: MqttClient
let login: Login
let call: Call | undefined
const resumed: boolean[] = []
const faults: string[] = []
const heard = new Set<string>()
const asked = new Map<string, (answer: Answer) => void>()
/** Signals are handled one after another. */
let taken: Promise<void> = Promise.resolve()
let letGo = (): void => {}

function asks(command: string, fields: object = {}): Promise<Answer> {
  const id = crypto.randomUUID()
  const answer = new Promise<Answer>((resolve) => asked.set(id, resolve))
  client.publish(command, JSON.stringify({ id, ...fields }), { qos: 1 })
  return answer
}

async function relay(target: string, type: Signal['type'], call_id: string, body?: unknown): Promise<void> {
  const { code } = await asks('signal', { target, type, call_id, body })
  if (code !== undefined) faults.push(`${type} is refused: ${code}`)
}

async function open(other: string, id: string): Promise<Call> {
  const { ice_servers } = login.policy === 'relay' ? await asks('get_turn_credentials') : { ice_servers: [] }
  const config = { iceServers: ice_servers as RTCIceServer[], iceTransportPolicy: login.policy }
  const media = await navigator.mediaDevices.getUserMedia(MEDIA)
  return new Call(other, id, config, media, relay, () => letGo())
}

async function take(signal: Signal): Promise<void> {
  if (signal.type === 'offer') call ??= await open(signal.origin, signal.call_id)
  if (call?.other === signal.origin) await call.takes(signal)
}

function hear(event: Answer): void {
  if (event.re !== undefined) asked.get(event.re)?.(event)
  if (event.event !== 'signal') return
  taken = taken.then(() => take(event as Answer & Signal)).catch((err: Error) => void faults.push(String(err)))
}

async function sight(): Promise<Sight> {
  const seen = call ? await call.sight() : { ...NO_CALL, videos: [], audios: [], collisions: 0 }
  return { isOnline: client.connected, resumed: [...resumed], faults: [...faults], ...seen }
}

const phone: Phone = {
  async logsIn(as) {
    login = as
    client = mqtt.connect(as.url, {
      protocolVersion: 5,
      clientId: 'page',
      clean: false,
      properties: { sessionExpiryInterval: 600 },
      username: 'JWT',
      password: as.token,
      reconnectPeriod: 200,
      resubscribe: false, // a persistent session keeps its subscriptions
    })
    client.on('connect', ({ sessionPresent }) => resumed.push(sessionPresent))
    client.on('message', (_, payload, { dup }) => {
      const text = payload.toString()
      if (!dup || !heard.has(text)) hear(JSON.parse(text) as Answer)
      heard.add(text)
    })
    await client.subscribeAsync(`${as.user}_events`, { qos: 1 })
  },
  asks,
  holds() {
    const out = new Promise<void>((resolve) => (letGo = resolve))
    taken = taken.then(() => out)
  },
  async calls(other, callId) {
    call = await open(other, callId)
    call.sends()
  },
  restartsIce: () => call!.restartsIce(),
  addsPicture: () => call!.addsPicture(),
  sight,
  async sees(is, before, deadline) {
    const then = before ?? (await sight())
    const late = performance.now() + deadline
    for (;;) {
      const now = await sight()
      if (is(now, then)) return now
      if (performance.now() > late) {
        throw new Error(`never seen: ${String(is)}; before ${JSON.stringify(then)}, now ${JSON.stringify(now)}`)
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY)) // counters have no events
    }
  },
}
Object.assign(globalThis, { phone })
