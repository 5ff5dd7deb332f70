import { connect, type IClientOptions, type MqttClient } from 'mqtt'

/** How a target is spoken to: where a device sends, where its answers come, and how one knows them. */
export interface Target {
  name: string
  url: string
  login(device: number): IClientOptions
  commandTopic(device: number): string
  answerTopic(device: number): string
  /** Processes whose CPU and memory count: the broker's. */
  pid: number
  close(): Promise<void>
}

export interface Load {
  devices: number
  /** Commands a device has unanswered at a time. */
  inFlight: number
  seconds: number
  payloadBytes: number
}

export interface Figures {
  answered: number
  perSecond: number
  /** Milliseconds from publish to answer. */
  p50: number
  p95: number
  p99: number
}

const WARM_UP = 2_000

/** Loads a target with echo commands, each device with so many unanswered at a time; what is still open at the end is left. */
export async function drive(target: Target, load: Load): Promise<Figures> {
  const clients = await Promise.all(Array.from({ length: load.devices }, (_, device) => open(target, device)))
  const filler = 'x'.repeat(load.payloadBytes)
  const latencies: number[] = []
  let counting = false
  let running = true
  const sent = new Map<string, number>()
  let serial = 0

  const send = (client: MqttClient, device: number): void => {
    const id = `${device}-${serial++}`
    sent.set(id, performance.now())
    client.publish(target.commandTopic(device), JSON.stringify({ id, text: filler }), { qos: 1 })
  }
  for (const [device, client] of clients.entries()) {
    client.on('message', (_topic, payload) => {
      const { re } = JSON.parse(payload.toString()) as { re: string }
      const since = sent.get(re)
      if (since === undefined) return
      sent.delete(re)
      if (counting) latencies.push(performance.now() - since)
      if (running) send(client, device)
    })
    for (let i = 0; i < load.inFlight; i++) send(client, device)
  }
  await pause(WARM_UP)
  counting = true
  const began = performance.now()
  await pause(load.seconds * 1000)
  counting = running = false
  const took = (performance.now() - began) / 1000
  await Promise.all(clients.map((client) => client.endAsync(true)))
  latencies.sort((a, b) => a - b)
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN
  return { answered: latencies.length, perSecond: latencies.length / took, p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

async function open(target: Target, device: number): Promise<MqttClient> {
  const client = connect(target.url, { clientId: `load-${device}`, reconnectPeriod: 0, ...target.login(device) })
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve())
    client.once('error', reject)
  })
  if ('setNoDelay' in client.stream) (client.stream as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true)
  await client.subscribeAsync(target.answerTopic(device), { qos: 1 })
  return client
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
