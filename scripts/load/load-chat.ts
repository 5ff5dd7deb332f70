import type { MqttClient } from 'mqtt'
import { latencies, openDevice, pause, row, watching } from './measure.ts'
import { userTargets, type UserTarget } from './targets.ts'

export interface ChatLoad {
  /** Couples, of whom one writes to the other. */
  pairs: number
  /** Messages of a couple that have not arrived. */
  inFlight: number
  seconds: number
  /** Members of the group, and messages to it, one after another. */
  members: number
  messages: number
}

const WARM_UP = 2_000

/** Messages between two, and to a large group: from publish to receipt on the other's device. */
export async function loadChat(load: ChatLoad, handlers: number, only?: string): Promise<void> {
  const out = (text: string): unknown => process.stdout.write(text)
  const groups = ['groups', ...Array.from({ length: handlers }, () => 'messaging')]
  const perSecond: number[] = []
  const group: number[] = []
  // the plain back-end stores each message in SQLite, fsynced, before it passes it on
  for (const open of userTargets(groups, './plain-chat.ts', only)) {
    const chat = await open()
    if (!chat) {
      out('mosquitto is not installed here: not compared\n')
      continue
    }
    try {
      const pairs = await watching(chat.pid, () => betweenTwo(chat, load))
      out(row('between two', ['msg/s', 'p50 ms', 'p95 ms', 'p99 ms', 'CPU %', 'MB']))
      out(row(chat.name, [pairs.perSecond, pairs.p50, pairs.p95, pairs.p99, pairs.cpu, pairs.rss]))
      const all = await watching(chat.pid, () => toGroup(chat, load))
      out(
        row(`group of ${load.members}`, ['receipts/s', 'p50 ms', 'p95 ms', 'p99 ms', 'all p50 ms', 'all max ms', 'MB']),
      )
      out(row(chat.name, [all.perSecond, all.p50, all.p95, all.p99, all.whole, all.slowest, all.rss]))
      perSecond.push(pairs.perSecond)
      group.push(all.perSecond)
    } finally {
      await chat.close()
    }
  }
  const ratio = ([ours, theirs]: number[]): string => (theirs === undefined ? '–' : (ours! / theirs).toFixed(2))
  out(`ratio of messages between two per second: ${ratio(perSecond)}; of receipts in the group: ${ratio(group)}\n`)
}

async function betweenTwo(chat: UserTarget, load: ChatLoad) {
  const measured: number[] = []
  const sent = new Map<string, number>()
  let [counting, running, serial] = [false, true, 0]
  const clients = await Promise.all(
    Array.from({ length: load.pairs }, async (_, i) => {
      const [one, other] = [`writer${i}`, `reader${i}`]
      const writer = await openDevice(chat.url, chat.login(one), chat.hears(one, 'nothing'))
      const reader = await openDevice(chat.url, chat.login(other), chat.hears(other, 'message_received'))
      const send = (): void => {
        const body = `${i} ${serial++} ${'x'.repeat(64)}`
        sent.set(body, performance.now())
        writer.publish(chat.topicOf(one, 'send_message'), JSON.stringify({ to: other, body }), { qos: 1 })
      }
      reader.on('message', (_topic, payload) => {
        const { body } = JSON.parse(payload.toString()) as { body: string }
        if (counting) measured.push(performance.now() - sent.get(body)!)
        sent.delete(body)
        if (running) send()
      })
      for (let open = 0; open < load.inFlight; open++) send()
      return [writer, reader]
    }),
  )
  await pause(WARM_UP)
  counting = true
  const began = performance.now()
  await pause(load.seconds * 1000)
  counting = running = false
  const took = (performance.now() - began) / 1000
  await Promise.all(clients.flat().map((client) => client.endAsync(true)))
  return { perSecond: measured.length / took, ...latencies(measured) }
}

async function toGroup(chat: UserTarget, load: ChatLoad) {
  const users = Array.from({ length: load.members }, (_, i) => `member${i}`)
  const clients: MqttClient[] = []
  for (let i = 0; i < users.length; i += 100) {
    const some = users.slice(i, i + 100)
    const open = (user: string) => openDevice(chat.url, chat.login(user), chat.hears(user, 'message_received'))
    clients.push(...(await Promise.all(some.map(open))))
  }
  const [first] = clients
  const group_id = await new Promise<string>((resolve) => {
    first!.once('message', (_topic, payload) =>
      resolve((JSON.parse(payload.toString()) as { group_id: string }).group_id),
    )
    first!.subscribe(chat.hears(users[0]!, 'group_updated'), { qos: 1 }, () =>
      first!.publish(
        chat.topicOf(users[0]!, 'create_group'),
        JSON.stringify({ title: 'All', members: users.slice(1) }),
        {
          qos: 1,
        },
      ),
    )
  })
  const measured: number[] = []
  const wholes: number[] = []
  let [left, since, done] = [0, 0, (): void => {}]
  for (const client of clients) {
    client.on('message', (topic) => {
      if (!topic.endsWith('message_received')) return
      measured.push(performance.now() - since)
      if (--left === 0) done()
    })
  }
  const began = performance.now()
  for (let i = 0; i < load.messages; i++) {
    const all = new Promise<void>((resolve) => (done = resolve))
    ;[left, since] = [users.length, performance.now()]
    const body = `${i} ${'x'.repeat(64)}`
    first!.publish(chat.topicOf(users[0]!, 'send_message'), JSON.stringify({ group_id, body }), { qos: 1 })
    await all
    wholes.push(performance.now() - since)
  }
  const took = (performance.now() - began) / 1000
  await Promise.all(clients.map((client) => client.endAsync(true)))
  const whole = latencies(wholes).p50
  return { perSecond: measured.length / took, ...latencies(measured), whole, slowest: Math.max(...wholes) }
}
