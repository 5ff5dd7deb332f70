// @needs MongoDB
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { openProxy, type Proxy } from '../../tools/faults/proxy.ts'
import { closeAll, type Closable } from '../../shared/shutdown.ts'
import type { Device } from '../device.ts'
import { befriend } from '../friends.ts'
import { startMongoServer, type MongoServer } from '../mongo-server.ts'
import { Parts } from '../parts.ts'
import { Run } from '../process.ts'
import { asking, eachOnce, meanwhile, megabytes, STALL } from './stall.ts'

// The handlers' MongoDB freezes, is killed, is slow, is cut off: accepted commands run once and in order, and none of them
// dies. Fail-overs of a replica set are in mongo-failover.test.ts.

/** A platform whose handlers reach their own MongoDB through a proxy. */
interface Place {
  server: MongoServer
  proxy: Proxy
  parts: Parts
  handlers: Run
}

const opened: Closable[] = []
let place: Place
const others: Place[] = []
beforeAll(async () => {
  place = await openPlace()
  for (let i = 0; i < 3; i++) others.push(await openPlace()) // before anything is measured
})
afterAll(() => closeAll(opened))

async function openPlace(): Promise<Place> {
  const server = await startMongoServer(true)
  opened.push(server)
  const proxy = await openProxy(() => Number(new URL(server.url).port))
  opened.push(proxy)
  const MONGODB_URL = `mongodb://127.0.0.1:${proxy.port}/faults?directConnection=true`
  const parts = await Parts.open({ QUEUE_TTL: '600000', MAX_QUEUED: '2000', LOG_LEVEL: 'info', MONGODB_URL })
  opened.push(parts)
  return { server, proxy, parts, handlers: await parts.startHandlers() }
}

async function whileAway(
  name: string,
  begin: (place: Place) => unknown,
  end: (place: Place) => unknown,
): Promise<void> {
  const own = others.pop()!
  const { parts, handlers } = own
  const [alice, bob] = [await parts.device('alice'), await parts.device('bob')]
  await alice.asks('get_contact_list')
  const accepted = new Set<string>()
  await begin(own)
  const mb = await meanwhile(name, parts, place.parts, STALL, asking(alice, bob, accepted))
  expect(accepted.size).toBe(300)
  expect(megabytes(handlers.pid)).toBeLessThan(300)
  await end(own)
  await eachOnce(alice, bob)
  // Only these two lines, however many commands have waited.
  const says = (what: string): number => handlers.stdout.split(`"msg":"${what}"`).length - 1
  expect([says('cannot reach MongoDB; commands wait'), says('MongoDB can be reached again')]).toEqual([1, 1])
  expect(handlers.stdout).not.toMatch(/"level":(?:50|60)/)
  expect(mb).toBeLessThan(400)
}

// They mostly wait, so they run at the same time.
test.concurrent(
  'MongoDB freezes for a minute',
  () =>
    whileAway(
      'a MongoDB that stands still',
      ({ server }) => server.kill('SIGSTOP'),
      ({ server }) => server.kill('SIGCONT'),
    ),
  300_000,
)

test.concurrent(
  'MongoDB is killed, and is back after a minute with what it had acknowledged',
  () =>
    whileAway(
      'a MongoDB that is killed',
      ({ server }) => server.kill('SIGKILL'),
      ({ server }) => server.restart(),
    ),
  300_000,
)

test.concurrent(
  'nothing reaches MongoDB for a minute, without any error',
  () =>
    whileAway(
      'a MongoDB that is cut off',
      ({ proxy }) => proxy.blackhole(true),
      ({ proxy }) => (proxy.cut(), proxy.blackhole(false)), // in this order, or some connections would work again and then be cut
    ),
  300_000,
)

/** Everyone sends requests to three others and cancels them, all at once. */
async function crowd(name: string): Promise<void> {
  const people = await Promise.all(Array.from({ length: 8 }, (_, i) => place.parts.device(`${name}${i}`)))
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

afterEach(() => place.proxy.slow(0))

test('MongoDB takes 2 s for each operation, from a connection’s first one on', async () => {
  await place.parts.startHandlers('messaging')
  const [alice, bob] = [await place.parts.device('alice4'), await place.parts.device('bob4')]
  await befriend(alice, bob)
  place.proxy.slow(2_000)
  place.proxy.cut()
  const ids = ['one', 'two', 'three']
  for (const id of ids) await alice.sends('send_message', { to: bob.user, body: id }, { id })
  await crowd('slow')
  place.proxy.slow(0)
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

test('connections to MongoDB are cut again and again', async () => {
  const end = Date.now() + 20_000
  const cutting = setInterval(() => Date.now() < end && place.proxy.cut(), 100) // the last round ends with the connections intact
  try {
    for (let i = 0; Date.now() < end; i++) await crowd(`cut${i}-`)
  } finally {
    clearInterval(cutting)
  }
  await crowd('whole')
}, 300_000)

test('a process that starts while MongoDB is down says so and waits; one that is told to stop meanwhile ends', async () => {
  await place.server.kill('SIGKILL')
  const options = { env: { ...place.parts.env, BROKER_URL: place.parts.url } }
  const [waiting, stopped] = [
    new Run(['handlers/run.ts', 'contacts'], options),
    new Run(['handlers/run.ts', 'contacts'], options),
  ]
  for (const run of [waiting, stopped]) {
    place.parts.keep(run)
    await run.says(/cannot reach MongoDB/)
  }
  stopped.kill('SIGTERM')
  expect(await stopped.ended).toBe(0)
  await place.server.restart()
  await waiting.ready
  await crowd('late')
}, 300_000)
