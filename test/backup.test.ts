import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { keyOf } from '../broker/core/queue/command-key.ts'
import { commandRecord } from '../broker/core/queue/command-record.ts'
import { openLmdb } from '../broker/storage/lmdb.ts'
import type { Device, Received } from './device.ts'
import { Parts } from './parts.ts'
import { Run } from './process.ts'

// npm run backup and npm run restore: people ask each other and withdraw while their platform is copied, lost, and restored elsewhere.

const PEOPLE = 6
/** Commands answered before the backup begins, and after it has ended. */
const BEFORE = 60

interface Asked {
  by: Device
  id: string
  command: string
  fields: object
  answer?: Received
}

let parts: Parts
let folder: string
let restored: string
const people: Device[] = []
const asked: Asked[] = []
/** The ids of the commands that were answered before the backup began. */
let answeredBefore: Set<string>
let epoch: unknown

beforeAll(async () => {
  parts = await Parts.open({ MONGODB_URL: '' })
  folder = join(parts.dir, 'backup')
  restored = join(parts.dir, 'restored')
  await parts.startHandlers()
  await parts.startHandlers()
  for (let i = 0; i < PEOPLE; i++) people.push(await parts.device(`person${i}`))
  epoch = (await people[0]!.asks('whoami'))['epoch']
  await backUpUnderLoad()
})
afterAll(() => parts.close())

/** Each asks the next two people and withdraws in turn, one command after another, until told to stop. */
async function ask(by: Device, i: number, isOver: () => boolean, answered: () => void): Promise<void> {
  for (let n = 0; !isOver(); n++) {
    const user_id = `person${(i + 1 + (n % 2)) % PEOPLE}`
    const command = (n >> 1) % 2 === 0 ? 'request_contact' : 'cancel_contact_request'
    const one: Asked = { by, id: `${by.user}-${n}`, command, fields: { user_id } }
    if (command === 'request_contact') one.fields = { user_id, note: one.id }
    asked.push(one)
    one.answer = await by.asks(command, one.fields, { id: one.id })
    answered()
  }
}

async function backUpUnderLoad(): Promise<void> {
  const pairs = people.map((one, i): [Device, number] => [one, i])
  const askers = pairs.filter(([, i]) => i % 3 === 0) // so that no two people ask each other
  let [count, left, isOver] = [0, BEFORE, false]
  let enough = (): void => {}
  const answered = (): void => {
    count++
    if (--left === 0) enough()
  }
  const more = new Promise<void>((resolve) => (enough = resolve))
  const asking = askers.map(([one, i]) => ask(one, i, () => isOver, answered))
  await more
  answeredBefore = new Set(asked.filter(({ answer }) => answer).map(({ id }) => id))
  const run = backup(folder)
  expect(`${await run.ended} ${run.stderr}`).toMatch(/^0 /) // with progress on stderr where it takes long
  expect(run.stdout).toMatch(/^backed up to .*backup: \d+ files, \d+ bytes, as of 20\S+Z \(version \S+\)$/m)
  const then = count
  left = BEFORE
  await new Promise<void>((resolve) => (enough = resolve))
  expect(count).toBeGreaterThan(then)
  isOver = true
  await Promise.all(asking)
}

const backup = (to: string, env: Record<string, string> = parts.env) => new Run(['scripts/backup.ts', to], { env })
const restore = (from: string, to: string) =>
  new Run(['scripts/restore.ts', from], { env: { ...parts.env, DATA_DIR: to } })

async function isRefused(run: Run, why: RegExp | string): Promise<void> {
  expect([await run.ended, run.stdout]).toEqual([1, ''])
  expect(run.stderr).toMatch(why)
  expect(run.stderr).not.toMatch(/^ {4}at /m)
}

test('only its owner can read a backup, and its manifest names every file', () => {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  for (const name of files) expect([name, statSync(join(folder, name)).mode & 0o077]).toEqual([name, 0])
  const manifest = JSON.parse(readFileSync(join(folder, 'backup.json'), 'utf8')) as { files: object }
  const named = Object.keys(manifest.files)
  expect(named).toEqual(expect.arrayContaining(['broker.lmdb', 'data/contact_pairs.jsonl', 'data/manifest.json']))
  expect(files.filter((name) => statSync(join(folder, name)).isFile()).toSorted()).toEqual(
    [...named, 'backup.json'].toSorted(),
  )
})

test('both copies are of the same moment: what one knows of, the other does too', async () => {
  const copy = join(parts.dir, 'copy.lmdb')
  cpSync(join(folder, 'broker.lmdb'), copy)
  const storage = openLmdb(copy)
  const ids = new Map(asked.map(({ by: { user }, id }) => [keyOf({ user, re: id, stored: true }), id]))
  const [ended, known] = [new Set<string>(), new Set<string>()]
  for (const { value } of storage.table('queue', commandRecord).entries()) {
    const id = ids.get(value.ended?.key ?? (value.open && keyOf(value.open.command)))
    if (id !== undefined) known.add(id)
    if (id !== undefined && value.ended) ended.add(id)
  }
  await storage.close()
  expect(ended.size).toBeGreaterThanOrEqual(BEFORE)
  const stored = new Set<string>()
  const lastOfPair = new Map<string, number>()
  for (const line of readFileSync(join(folder, 'data', 'contact_pairs.jsonl'), 'utf8')
    .trim()
    .split('\n')) {
    for (const [id = ''] of line.matchAll(/person\d+-\d+/g)) {
      stored.add(id)
      const pair = pairOf(id)
      lastOfPair.set(pair, Math.max(lastOfPair.get(pair) ?? -1, numberOf(id)))
    }
  }
  expect(stored.size).toBeGreaterThan(0)
  expect([...stored].filter((id) => !known.has(id))).toEqual([])
  expect([...ended].filter((id) => (lastOfPair.get(pairOf(id)) ?? -1) < numberOf(id))).toEqual([])
})

const numberOf = (id: string): number => Number(id.split('-')[1])
/** Each asks two people in turn. */
const pairOf = (id: string): string => `${id.split('-')[0]} ${numberOf(id) % 2}`

test('a backup overwrites nothing', () => isRefused(backup(folder), `${folder} is not empty`))

test('a backup that was changed, is incomplete, or of a newer version is not restored', async () => {
  const copy = (name: string): string => {
    cpSync(folder, join(parts.dir, name), { recursive: true })
    return join(parts.dir, name)
  }
  const to = join(parts.dir, 'never')
  const changed = copy('changed')
  appendFileSync(join(changed, 'data', 'contact_pairs.jsonl'), '\n')
  await isRefused(restore(changed, to), 'contact_pairs.jsonl was changed or damaged after the backup')
  const newer = copy('newer')
  const text = readFileSync(join(newer, 'backup.json'), 'utf8')
  writeFileSync(join(newer, 'backup.json'), text.replace(/"broker_format": \d+/, '"broker_format": 99'))
  await isRefused(restore(newer, to), 'in a format that this version does not know')
  const empty = join(parts.dir, 'empty')
  mkdirSync(empty)
  await isRefused(restore(empty, to), 'holds no complete backup')
})

test('nothing is restored over the data of a running or stopped platform', async () => {
  await isRefused(restore(folder, parts.dir), 'another broker uses')
  await parts.killBroker()
  await isRefused(restore(folder, parts.dir), 'broker.lmdb exists already. A restore overwrites nothing')
})

test('what was answered before the backup is there, what waited runs once, and nothing is done twice', async () => {
  cpSync(join(parts.dir, 'dev'), join(restored, 'dev'), { recursive: true }) // the certificate is no part of a backup
  const run = restore(folder, restored)
  expect(`${await run.ended} ${run.stderr}`).toMatch(/^0 /) // with progress on stderr where it takes long
  await parts.startBroker({ DATA_DIR: restored })
  const others = new Map<string, Device>()
  for (const { user } of people) others.set(user, await parts.device(user, { clientId: 'tablet' }))
  await parts.startHandlers('contacts', { DATA_DIR: restored })
  for (const { mqtt } of people) await mqtt.endAsync(true)

  // Devices do not know what the platform has forgotten, and send everything again under its id.
  for (const { by, id, command, fields, answer } of asked) {
    const again = await others.get(by.user)!.asks(command, fields, { id })
    expect(again).toMatchObject({ event: answer!.event, re: id })
    if (answeredBefore.has(id)) expect(again).toEqual({ ...answer, event: again.event })
  }
  const heard = (await Promise.all([...others.values()].map((one) => one.unread()))).flat()
  const notes = heard.flatMap(({ event, note }) => (event === 'contact_requested' ? [String(note)] : []))
  expect(notes.filter((id) => answeredBefore.has(id))).toEqual([])
  expect(new Set(notes).size).toBe(notes.length)
  expect(notes.length).toBeGreaterThan(0)
  for (const [user, device] of others) {
    const lasts = new Map(
      asked
        .filter(({ by }) => by.user === user)
        .map(({ fields, command }) => [(fields as { user_id: string }).user_id, command]),
    )
    if (lasts.size === 0) continue // they were asked, and asked nobody
    const { contacts } = (await device.asks('get_contact_list')) as unknown as { contacts: { user_id: string }[] }
    const wanted = [...lasts].filter(([, command]) => command === 'request_contact').map(([to]) => to)
    expect(contacts.map(({ user_id }) => user_id)).toEqual(wanted.toSorted())
  }
})

test('devices learn that event numbers begin anew', async () => {
  const device = await parts.device('person0', { clientId: 'laptop' })
  const { epoch: now } = await device.asks('whoami')
  expect(now).not.toBe(epoch)
  expect(await device.asks('sync_events', { epoch, since: 1 })).toMatchObject({ recovered: false, epoch: now })
})

test('with the engine that the tests run on: handlers stopped, backed up, and restored into SQLite', async () => {
  const from = await Parts.open()
  try {
    const handlers = await from.startHandlers()
    const alice = await from.device('alice')
    await alice.asks('request_contact', { user_id: 'bob' })
    handlers.kill('SIGTERM')
    await handlers.ended
    const waits = await alice.sends('request_contact', { user_id: 'carol' })
    const [saved, to] = [join(from.dir, 'saved'), join(from.dir, 'to')]
    expect(await backup(saved, from.env).ended).toBe(0)
    await from.killBroker()
    cpSync(join(from.dir, 'dev'), join(to, 'dev'), { recursive: true })
    const sqlite = { ...from.env, DATA_DIR: to, MONGODB_URL: '' }
    const run = new Run(['scripts/restore.ts', saved], { env: sqlite })
    expect(`${await run.ended} ${run.stderr}`).toMatch(/^0 /)
    await from.startBroker(sqlite)
    await from.startHandlers('contacts', sqlite)
    expect(await alice.receives('contact_request_sent')).toMatchObject({ re: waits, user_id: 'carol' })
    const { contacts } = (await alice.asks('get_contact_list')) as unknown as { contacts: { user_id: string }[] }
    expect(contacts.map(({ user_id }) => user_id)).toEqual(['bob', 'carol'])
  } finally {
    await from.close()
  }
})
