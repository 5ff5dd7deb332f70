import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Parts } from '../../parts.ts'
import type { Run } from '../../process.ts'

// What the broker has acknowledged survives. Every test kills the broker.

let parts: Parts
let handlers: Run
beforeAll(async () => {
  parts = await Parts.open({ QUEUE_TTL: '60000' })
  handlers = await parts.startHandlers()
})
afterAll(() => parts.close())

test('a command acknowledged right before the broker is killed runs after the restart; devices reconnect', async () => {
  const [alice, bob] = [await parts.device('alice'), await parts.device('bob', { version: 4 })]
  await handlers.close()
  const re = await alice.sends('request_contact', { user_id: 'bob', note: 'hello' })
  await parts.killBroker()
  await parts.startBroker()
  handlers = await parts.startHandlers()
  expect(await alice.receives('contact_request_sent')).toMatchObject({ re, user_id: 'bob' })
  expect(await bob.receives('contact_requested')).toMatchObject({ user_id: 'alice', note: 'hello' })
  expect(alice.connack?.sessionPresent).toBe(true)
  expect((await bob.unread()).map(({ event }) => event)).toEqual([])
})

test('events of an absence survive the broker, on 3.1.1 and 5, in order and once', async () => {
  const [four, five] = [await parts.device('four', { version: 4 }), await parts.device('five')]
  await Promise.all([four.leaves(), five.leaves()])
  const dora = await parts.device('dora')
  for (const user_id of ['four', 'five']) {
    await dora.asks('request_contact', { user_id })
    await dora.asks('cancel_contact_request', { user_id })
    await dora.asks('request_contact', { user_id })
  }
  await parts.killBroker()
  await parts.startBroker()
  for (const [sub, version] of [
    ['four', 4],
    ['five', 5],
  ] as const) {
    const back = await parts.device(sub, { version })
    expect(back.connack?.sessionPresent).toBe(true)
    const heard = (await back.unread()).map(({ event }) => event)
    expect(heard).toEqual(['contact_requested', 'contact_request_cancelled', 'contact_requested'])
    await back.leaves()
    await dora.asks('get_contact_list') // so what was acknowledged before is stored
    await parts.killBroker()
    await parts.startBroker()
    await dora.isBack()
    const again = await parts.device(sub, { version })
    expect(await again.unread()).toEqual([])
  }
})

test('a command id is remembered across a restart: the same answer, or conflict, and one effect', async () => {
  const [eve, frank] = [await parts.device('eve'), await parts.device('frank')]
  const answer = await eve.asks('request_contact', { user_id: 'frank' }, { id: 'once' })
  await parts.killBroker()
  await parts.startBroker()
  await Promise.all([eve.isBack(), frank.isBack()])
  expect(await eve.asks('request_contact', { user_id: 'frank' }, { id: 'once' })).toEqual(answer)
  expect(await eve.asks('request_contact', { user_id: 'bob' }, { id: 'once' })).toMatchObject({ code: 'conflict' })
  expect((await frank.unread()).map(({ event }) => event)).toEqual(['contact_requested'])
})

test('an expired session, or a clean start, brings nothing back', async () => {
  const short = { properties: { sessionExpiryInterval: 1 } }
  const gina = await parts.device('gina', { mqtt: short })
  await gina.leaves()
  const harry = await parts.device('harry')
  await harry.leaves()
  const kate = await parts.device('kate')
  for (const user_id of ['gina', 'harry']) await kate.asks('request_contact', { user_id })
  await parts.killBroker()
  await parts.startBroker()
  const anew = await parts.device('harry', { mqtt: { clean: true } })
  expect(anew.connack?.sessionPresent).toBe(false)
  expect(await anew.unread()).toEqual([])
  await new Promise((resolve) => setTimeout(resolve, 1_100)) // waits to see that nothing comes
  const back = await parts.device('gina', { mqtt: short })
  expect(back.connack?.sessionPresent).toBe(false)
  expect(await back.unread()).toEqual([])
})

test('on a full disk nothing is acknowledged, and the broker says why; with room again it goes on by itself', async () => {
  await parts.killBroker()
  // A separate disk for its data, which disappears with the process.
  const folder = join(parts.dir, 'broker')
  const script = `mount -t tmpfs -o size=8m tmpfs ${folder} && exec "$@"`
  const broker = await parts.startBroker({}, [
    'unshare',
    process.getuid?.() === 0 ? '-m' : '-Urm',
    'sh',
    '-c',
    script,
    'sh',
  ])
  const lena = await parts.device('lena', { mqtt: { clean: true, properties: {} } })
  expect(await lena.asks('request_contact', { user_id: 'mike' })).toMatchObject({ event: 'contact_request_sent' })

  const ballast = join('/proc', String(broker.pid), 'root', folder, 'ballast')
  await writeFile(ballast, Buffer.alloc(2 ** 23)).catch(() => {}) // as much as fits
  while (await parts.isReady()) await pause(20) // the broker measures the disk every 100 ms
  const command = { user_id: 'nora' }
  await expect(lena.sends('request_contact', command, { id: 'late' })).rejects.toMatchObject({ code: 0x97 })
  expect(await lena.receives('command_rejected')).toMatchObject({ re: 'late', code: 'unavailable' })
  expect(await parts.isReady()).toBe(false)
  expect(await lena.asks('whoami')).toMatchObject({ event: 'session_info' })

  await rm(ballast)
  expect(await lena.asks('request_contact', command, { id: 'late' })).toMatchObject({ event: 'contact_request_sent' })
  expect(await parts.isReady()).toBe(true)
  expect(broker.child.exitCode).toBeNull()
  await parts.killBroker()
  await parts.startBroker()
})

test('SIGTERM ends the broker cleanly under load; devices and handlers reconnect, and each command has one answer', async () => {
  const [ida, jack] = [await parts.device('ida'), await parts.device('jack')]
  const sent: string[] = []
  const refused: unknown[] = []
  for (let i = 0; i < 40; i++) {
    const command = i % 2 === 0 ? 'request_contact' : 'cancel_contact_request'
    const id = `restart-${i}`
    sent.push(id)
    void ida.sends(command, { user_id: 'jack' }, { id }).catch((err) => refused.push(err))
    if (i === 20) parts.broker.kill('SIGTERM')
  }
  expect(await parts.broker.ended).toBe(0)
  await parts.startBroker()
  const answers = new Set<string>() // her client resends what was not acknowledged, and gets the same answer again
  while (answers.size < sent.length) {
    const { re, event } = await ida.next()
    if (event !== 'command_queued') answers.add(re!)
  }
  expect([...answers]).toEqual(sent)
  expect(refused).toEqual([]) // a broker that shuts down refuses nothing; the next one accepts it
  await jack.hears('contact_requested', 20)
  const heard = (await jack.unread()).map(({ event }) => event)
  expect(heard).toEqual(sent.map((_, i) => (i % 2 === 0 ? 'contact_requested' : 'contact_request_cancelled')))
})
