import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { openProxy, type Proxy } from '../../scripts/faults/proxy.ts'
import type { Device } from '../device.ts'
import { befriend } from '../friends.ts'
import { startMongoServer, type MongoServer } from '../mongo-server.ts'
import { Parts } from '../parts.ts'
import { Run } from '../process.ts'
import { asking, eachOnce, meanwhile, megabytes, STALL } from './stall.ts'

// The handlers' MongoDB stands still, is killed, is slow, is cut off: what was accepted is done once and in order, and no command
// dies of it. A replica set's fail-overs are in mongo-failover.test.ts.

let server: MongoServer
let proxy: Proxy
let parts: Parts
let handlers: Run
let env: Record<string, string>
beforeAll(async () => {
  server = await startMongoServer(true)
  proxy = await openProxy(() => Number(new URL(server.url).port))
  env = { MONGODB_URL: `mongodb://127.0.0.1:${proxy.port}/faults?directConnection=true` }
  parts = await Parts.open({ QUEUE_TTL: '600000', MAX_QUEUED: '2000', LOG_LEVEL: 'info', ...env })
  handlers = await parts.startHandlers()
}, 120_000)
afterAll(async () => {
  await parts?.close()
  await proxy?.close()
  await server?.close()
})

const says = (what: string): number => handlers.stdout.split(`"msg":"${what}"`).length - 1
const told = () => ({ away: says('MongoDB is away, commands wait'), back: says('MongoDB is back') })

/** Nothing but the two lines, however many commands have waited. */
function expectTold(times: number): void {
  expect(told()).toEqual({ away: times, back: times })
  expect(handlers.stdout).not.toMatch(/"level":(?:50|60)/)
}

async function whileAway(names: [string, string], begin: () => unknown, end: () => unknown): Promise<void> {
  const [alice, bob] = [await parts.device(names[0]), await parts.device(names[1])]
  const before = told().away
  await alice.asks('get_contact_list')
  const accepted = new Set<string>()
  await begin()
  const { p99, mb } = await meanwhile(parts, STALL, asking(alice, bob, accepted))
  expect(accepted.size).toBe(300)
  expect(megabytes(handlers.pid)).toBeLessThan(300)
  await end()
  await eachOnce(alice, bob)
  expectTold(before + 1)
  expect(p99).toBeLessThan(100)
  expect(mb).toBeLessThan(400)
}

test('it stands still for a minute', async () => {
  await whileAway(
    ['alice1', 'bob1'],
    () => server.kill('SIGSTOP'),
    () => server.kill('SIGCONT'),
  )
}, 300_000)

test('it is killed, and back after a minute with what it had acknowledged', async () => {
  await whileAway(
    ['alice2', 'bob2'],
    () => server.kill('SIGKILL'),
    () => server.restart(),
  )
}, 300_000)

test('nothing comes through to it for a minute, and nobody says so', async () => {
  await whileAway(
    ['alice3', 'bob3'],
    () => proxy.blackhole(true),
    () => (proxy.blackhole(false), proxy.cut()),
  )
}, 300_000)

/** Each asks three others and takes it back; all at once. */
async function crowd(name: string): Promise<void> {
  const people = await Promise.all(Array.from({ length: 8 }, (_, i) => parts.device(`${name}${i}`)))
  const [askers, asked] = [people.slice(0, 5), people.slice(5)]
  const sent = askers.flatMap((asker) =>
    asked.flatMap((other) =>
      ['request_contact', 'cancel_contact_request'].map((command) => ({
        asker,
        other,
        command,
        id: `${command} ${other.user}`,
      })),
    ),
  )
  await Promise.all(sent.map(({ asker, other, command, id }) => asker.sends(command, { user_id: other.user }, { id })))
  for (const asker of askers) {
    const mine = sent.filter((one) => one.asker === asker)
    const answers: string[] = []
    while (answers.length < mine.length) {
      const { event, re } = await asker.next(240_000)
      if (event !== 'command_queued') answers.push(`${event} ${re}`)
    }
    expect(answers).toEqual(
      mine.map(
        ({ command, id }) => `${command === 'request_contact' ? 'contact_request_sent' : 'contact_updated'} ${id}`,
      ),
    )
  }
  for (const other of asked) await heardOnce(other, askers.length)
}

async function heardOnce(other: Device, askers: number): Promise<void> {
  await other.hears('contact_request_cancelled', askers)
  const heard = (await other.unread()).map(({ event }) => event).filter((event) => event.startsWith('contact'))
  for (const event of ['contact_requested', 'contact_request_cancelled']) {
    expect(heard.filter((one) => one === event)).toHaveLength(askers)
  }
}

afterEach(() => proxy.slow(0))

test('it takes 2 s for each operation, from a connection’s first on', async () => {
  await parts.startHandlers('messaging', env)
  const [alice, bob] = [await parts.device('alice4'), await parts.device('bob4')]
  await befriend(alice, bob)
  proxy.slow(2_000)
  proxy.cut()
  const ids = ['one', 'two', 'three']
  for (const id of ids) await alice.sends('send_message', { to: bob.user, body: id }, { id })
  await crowd('slow')
  proxy.slow(0)
  await bob.hears('message_received', 3)
  for (const one of [alice, bob]) {
    const heard = (await one.unread()).filter(({ event }) => /^(?:message|command)/.test(event))
    const told = heard.map(({ event, re, body, seq }) => [event, re ?? body, seq])
    const sent = one === alice ? ids.map((id, i) => ['message_sent', id, i + 1]) : []
    const received = ids.map((id, i) => ['message_received', id, i + 1])
    expect(told.filter(([event]) => event !== 'command_queued')).toEqual(expect.arrayContaining([...sent, ...received]))
    expect(told.filter(([event]) => event !== 'command_queued')).toHaveLength(sent.length + received.length)
  }
}, 300_000)

test('its connections are cut again and again', async () => {
  const cutting = setInterval(() => proxy.cut(), 100)
  try {
    for (let i = 0, end = Date.now() + 20_000; Date.now() < end; i++) await crowd(`cut${i}-`)
  } finally {
    clearInterval(cutting)
  }
  await crowd('whole')
}, 300_000)

test('a process that starts while it is away says so and waits; one that is stopped meanwhile ends', async () => {
  await server.kill('SIGKILL')
  const options = { env: { ...parts.env, ...env, BROKER_URL: parts.url } }
  const [waiting, stopped] = [
    new Run(['handlers/run.ts', 'contacts'], options),
    new Run(['handlers/run.ts', 'contacts'], options),
  ]
  for (const run of [waiting, stopped]) {
    parts.keep(run)
    await run.says(/MongoDB is away/)
  }
  stopped.kill('SIGTERM')
  expect(await stopped.ended).toBe(0)
  await server.restart()
  await waiting.ready
  await crowd('late')
}, 300_000)
