import type { MqttClient } from 'mqtt'
import { latencies, openDevice, pause, type Latencies } from './measure.ts'
import type { Served } from './targets.ts'

/** A broker with an echo behind it: where a device sends, and where its answers come. */
export interface Target extends Served {
  commandTopic(user: string): string
  answerTopic(user: string): string
}

export interface Load {
  devices: number
  /** Commands a device has unanswered at a time. */
  inFlight: number
  seconds: number
  payloadBytes: number
}

/** From publish to answer. */
export interface Figures extends Latencies {
  perSecond: number
}

const WARM_UP = 2_000

/** Loads a target with echo commands, each device with so many unanswered at a time; what is still open at the end is left. */
export async function drive(target: Target, load: Load): Promise<Figures> {
  const users = Array.from({ length: load.devices }, (_, i) => `user${i}`)
  const clients = await Promise.all(
    users.map((user) =>
      openDevice(target.url, { clientId: `load-${user}`, ...target.login(user) }, target.answerTopic(user)),
    ),
  )
  const filler = 'x'.repeat(load.payloadBytes)
  const measured: number[] = []
  let counting = false
  let running = true
  const sent = new Map<string, number>()
  let serial = 0

  const send = (client: MqttClient, user: string): void => {
    const id = `${user}-${serial++}`
    sent.set(id, performance.now())
    client.publish(target.commandTopic(user), JSON.stringify({ id, text: filler }), { qos: 1 })
  }
  for (const [i, client] of clients.entries()) {
    const user = users[i]!
    client.on('message', (_topic, payload) => {
      const { re } = JSON.parse(payload.toString()) as { re: string }
      const since = sent.get(re)
      if (since === undefined) return
      sent.delete(re)
      if (counting) measured.push(performance.now() - since)
      if (running) send(client, user)
    })
    for (let open = 0; open < load.inFlight; open++) send(client, user)
  }
  await pause(WARM_UP)
  counting = true
  const began = performance.now()
  await pause(load.seconds * 1000)
  counting = running = false
  const took = (performance.now() - began) / 1000
  await Promise.all(clients.map((client) => client.endAsync(true)))
  return { perSecond: measured.length / took, ...latencies(measured) }
}
