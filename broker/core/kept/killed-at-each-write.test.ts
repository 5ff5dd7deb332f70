import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Forgotten } from '../../../shared/wire/done.ts'
import { userIdOf, type UserId } from '../../../shared/wire/user-id.ts'
import { commandWith } from '../../../test/command.ts'
import { Copies } from '../../../test/copies.ts'
import { openDeadLetters, type DeadLetter } from '../queue/dead-letters.ts'
import { openLmdb } from '../../storage/lmdb.ts'
import type { Storage } from '../../storage/storage.ts'
import type { MessageTarget } from '../open-topics/receivers.ts'
import type { Target } from './holders.ts'
import { ON_ALL, RELEASED } from './kept-record.ts'
import { openKept, type Kept } from './open-kept.ts'
import { acknowledge, waitingFor } from '../../../test/kept-sessions.ts'

// Events, sessions and dead letters change step by step. Before each single write the file is copied, as a broker killed at that moment
// would leave it. Each copy is then opened and compared with what the broker had promised by then.

const [alice, bob] = [userIdOf('alice'), userIdOf('bob')]
const LASTING = 1e9
const ROOM = {
  INBOX_EVENTS: 4,
  INBOX_AGE: 1e9,
  KEPT_BYTES_PER_USER: 1e9,
  MAX_KEPT_BYTES: 1e9,
  MAX_OFFLINE_EVENTS: 6,
  MAX_OFFLINE_BYTES: 1e9,
  MAX_SESSION_BYTES: 1e12,
}

interface Opened {
  storage: Storage
  all: Kept
  dead: ReturnType<typeof openDeadLetters>
}

/** Everything that can be observed of the stored data. */
interface Seen {
  /** By session: the payloads that wait, by number; `due` and its id for a PUBREL. */
  waiting: Map<string, Map<number, string>>
  /** By session: ids of QoS 2 messages that are not released. */
  incoming: Map<string, number[]>
  /** By user and `since`: the events that `sync_events` would return; undefined if it cannot recover them. */
  missed: Map<string, Map<number, string> | undefined>
  last: Map<UserId, number>
  letters: Set<number>
}

let dir: string
let copies: Copies
/** What was seen after each step. */
const states: Seen[] = []
/** What each session was ever given, by number, since it began. */
const given: Map<string, Map<number, string>>[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'killed-'))
  copies = new Copies(dir)
  await live()
}, 120_000)
afterAll(() => rm(dir, { recursive: true }))

async function open(path: string, watch = (storage: Storage): Storage => storage): Promise<Opened> {
  const storage = watch(openLmdb(path))
  const dead = openDeadLetters(storage, { letters: 3, bytes: 1e6 }, () => {})
  return { storage, all: await openKept(storage, ROOM), dead }
}
async function close({ storage, all }: Opened): Promise<void> {
  all.sessions.stop()
  await all.inbox.close()
  await all.kept.close()
  await storage.close()
}

const IDS = ['alice/phone', 'alice/laptop', 'bob/phone']

function seen({ all, dead }: Opened): Seen {
  const now: Seen = {
    waiting: new Map(),
    incoming: new Map(),
    missed: new Map(),
    last: new Map(),
    letters: new Set([...dead.find({})].map(({ command }) => command.order)),
  }
  for (const id of IDS) {
    const session = all.sessions.get(id)
    if (!session) continue
    const { numbers } = session.waiting
    const forms = new Map(numbers.map((number) => [number, session.waiting.form(number)]))
    const messages = waitingFor(all.sessions, id)
    const waiting = new Map<number, string>()
    for (const number of numbers) {
      const isReleased = forms.get(number) === RELEASED
      const messageId = session.sent?.get(number)
      const message = isReleased ? `due ${messageId}` : messages.get(number)?.payload.toString()
      waiting.set(number, message ?? 'nothing')
    }
    now.waiting.set(id, waiting)
    now.incoming.set(id, [...session.incoming])
  }
  for (const user of [alice, bob]) {
    const { last } = all.inbox.after(user, 0, { limit: 0, bytes: 0, mayRead: () => true })
    now.last.set(user, last)
    for (let since = 0; since <= last; since++) {
      const missed = all.inbox.after(user, since, { limit: 100, bytes: 1e6, mayRead: () => true })
      const told = missed.recovered
        ? new Map(missed.events.map(({ number, body }) => [number, body.toString()]))
        : undefined
      now.missed.set(`${user} ${since}`, told)
    }
  }
  return now
}

/** Runs all steps. */
async function live(): Promise<void> {
  const path = join(dir, 'live.lmdb')
  const opened = await open(path, (storage) => copies.watch(storage, path))
  const { storage, all, dead } = opened
  const { sessions, kept, inbox } = all

  const done = async (): Promise<void> => {
    await storage.commit((unit) => unit.afterwards(() => {}))
    await new Promise((resolve) => setTimeout(resolve, 30)) // what is stored beside something else, is by now
    const state = seen(opened)
    copies.step = states.push(state)
    const before = given.at(-1)
    const all = new Map(
      [...state.waiting].map(([id, waiting]) => [id, new Map([...(before?.get(id) ?? []), ...waiting])]),
    )
    given.push(all)
  }
  const begins = async (id: string, filter: string, qos: 1 | 2 = 1): Promise<void> => {
    sessions.began(id, LASTING)
    sessions.subscribe(id, { topic: filter, qos })
    await sessions.keepSubscriptions(id)
    await done()
  }
  let n = 0
  const happens = async (to: readonly UserId[], more: { isInInbox?: boolean; isFromStranger?: boolean } = {}) => {
    let key = 0
    await storage.commit((unit) => {
      const targets: Target[] = []
      for (const user of to) sessions.targets(targets, user, 'events', ON_ALL)
      const { isInInbox = true } = more
      const body = Buffer.from(JSON.stringify({ id: `event-${++n}` }))
      const numbers = isInInbox ? inbox.number(to) : []
      const told = { event: 'said', to: [...to], numbers, isInInbox, body, ...more }
      key = kept.keep(unit, { kind: 'event', at: 0, places: [], ...told }, targets)
    })
    await done()
    return key + ON_ALL
  }
  const keptMessage = async (to: MessageTarget[]): Promise<number> => {
    let numbers: number[] = []
    await storage.commit((unit) => {
      numbers = sessions.keepMessage(unit, { topic: 'a/b', payload: Buffer.from(`message-${++n}`) }, to)
    })
    await done()
    return numbers[0]!
  }
  const acknowledges = async (id: string, ...numbers: number[]): Promise<void> => {
    acknowledge(sessions, id, ...numbers)
    await done()
  }
  const dies = async (order: number): Promise<void> => {
    await storage.commit((unit) => dead.add(unit, letterOf(order)))
    await done()
  }

  await begins('alice/phone', 'alice_events')
  await begins('alice/laptop', 'alice_events')
  await begins('bob/phone', '$open/a/#', 2)
  const first: number[] = []
  for (let i = 0; i < 4; i++) first.push(await happens([alice]))
  await acknowledges('alice/phone', first[2]!, first[1]!) // behind one that is not acknowledged: steps
  await acknowledges('alice/laptop', ...first)
  await acknowledges('alice/phone', first[0]!) // the cursor passes them
  await happens([alice, bob])

  // QoS 2, both ways.
  const target: MessageTarget = { session: 'bob/phone', qos: 2, retain: false, ids: [] }
  const both = [await keptMessage([target]), await keptMessage([target])]
  await sessions.has('bob/phone', { number: both[1]!, messageId: 77 })
  await done()
  await acknowledges('bob/phone', both[1]!)
  await sessions.has('bob/phone', { number: both[0]!, messageId: 78 })
  await done()
  await acknowledges('bob/phone', both[0]!)
  sessions.notes('bob/phone', 5)
  sessions.notes('bob/phone', 6)
  await done()
  sessions.released('bob/phone', 5)
  await done()

  // Strangers' events are left out of a full inbox, and leave holes.
  for (let i = 0; i < 8; i++) await happens([bob], { isFromStranger: i % 2 === 0 })
  for (let i = 0; i < 5; i++) await happens([bob])

  // What is deleted is told no more.
  const forgotten = await happens([alice, bob])
  const what: Forgotten = { events: ['said'], field: 'id', value: `event-${n}` }
  await storage.commit((unit) => kept.forget(unit, what))
  await done()
  await acknowledges('alice/phone', forgotten)
  await acknowledges('alice/laptop', forgotten)
  for (let i = 0; i < 5; i++) await happens([alice, bob], { isInInbox: true })
  // An acknowledgement is stored in the background, so it may take some more events until the last record before it is gone.
  while (!copies.writes.has('inbox_forgotten remove')) {
    await happens([alice, bob])
    await storage.commit((unit) => kept.tidyForgotten(unit))
    await done()
  }

  // Too much waits, and a session ends, and is begun anew.
  for (let i = 0; i < 8; i++) await happens([alice], { isInInbox: false })
  sessions.end('alice/phone')
  await done()
  await begins('alice/phone', 'alice_events')
  await happens([alice], { isInInbox: false })
  sessions.end('bob/phone')
  await done()

  for (let order = 1; order <= 5; order++) await dies(order)
  await storage.commit((unit) => dead.remove(unit, letterOf(4)))
  await done()
  await close(opened)
}

function letterOf(order: number): DeadLetter {
  const user = userIdOf(`user-${order}`)
  const command = commandWith({ id: `${user}/~${order}`, order, user, at: 0 })
  return { command, group: 'g', attempts: 1, code: 'internal', at: 0 }
}

test('every kind of write was reached', () => {
  const places = copies.writes
  const writes = ['sessions', 'received', 'cursors', 'steps', 'kept_events', 'inbox_holes', 'inbox_forgotten', 'dead']
  for (const table of writes) expect(places).toContain(`${table} put`)
  for (const table of writes.filter((one) => one !== 'inbox_holes')) expect(places).toContain(`${table} remove`)
})

test('whichever write a broker is killed at, nothing promised is lost, doubled or half stored', async () => {
  const wrong: string[] = []
  for (const { path, before, step } of copies.all) {
    const opened = await open(path)
    const found = seen(opened)
    const says = (what: string): unknown => wrong.push(`before ${before} in step ${step}: ${what}`)
    const [was, is] = [states[step - 1], states[Math.min(step, states.length - 1)]!]
    if (was) compare(found, was, is, given[Math.min(step, given.length - 1)]!, says)
    // Data left over from a session that does not exist.
    await close(opened)
    const again = await open(path)
    const there = new Set(IDS.flatMap((id) => again.all.sessions.get(id)?.serial ?? []))
    for (const table of ['cursors', 'steps']) {
      for (const { key } of again.storage.table(table).entries()) {
        const serial = Number(typeof key === 'object' ? key[0] : key)
        if (!there.has(serial)) says(`a record of ${table} is left of session ${serial}`)
      }
    }
    for (const { key } of again.storage.table('received').entries()) {
      if (!again.all.sessions.get((key as [string, number])[0])) says(`a message id is left of ${String(key)}`)
    }
    await close(again)
    if (before.startsWith('kept_events')) await mustEmpty(path, says)
  }
  expect(wrong).toEqual([])
  expect(copies.all.length).toBeGreaterThan(100)
})

/** Reports what is missing although it was there before and after the step, and what is there although it was never given. */
function compare(
  found: Seen,
  was: Seen,
  is: Seen,
  given: Map<string, Map<number, string>>,
  says: (what: string) => void,
) {
  for (const id of IDS) {
    const [its, before, after] = [found.waiting.get(id), was.waiting.get(id), is.waiting.get(id)]
    if (!its) {
      if (before && after) says(`${id} is gone`)
      continue
    }
    if (!before && !after) says(`${id} has come back`)
    for (const [number, message] of before ?? []) {
      if (after?.has(number) && its.get(number) !== message && its.get(number) !== after.get(number)) {
        says(`${id} lacks ${number}, ${message}: ${its.get(number)}`)
      }
    }
    for (const [number, message] of its) {
      const known = given.get(id)?.get(number) ?? before?.get(number) ?? after?.get(number)
      if (known === undefined) says(`${id} has ${number}, ${message}`)
    }
    const ids = found.incoming.get(id)!
    for (const one of was.incoming.get(id) ?? []) {
      if (is.incoming.get(id)?.includes(one) && !ids.includes(one)) says(`${id} has lost message id ${one}`)
    }
    for (const one of ids) {
      if (!was.incoming.get(id)?.includes(one) && !is.incoming.get(id)?.includes(one))
        says(`${id} has message id ${one}`)
    }
  }
  for (const [user, last] of was.last) if (found.last.get(user)! < last) says(`${user} has lost their last number`)
  for (const [asked, told] of was.missed) {
    const [later, its] = [is.missed.get(asked), found.missed.get(asked)]
    if (!told || !later) continue // it can no longer be recovered, or can again
    if (!its) {
      says(`${asked} cannot be told`)
      continue
    }
    for (const [number, body] of told)
      if (later.has(number) && its.get(number) !== body) says(`${asked} lacks ${number}`)
  }
  for (const order of was.letters)
    if (is.letters.has(order) && !found.letters.has(order)) says(`letter ${order} is gone`)
  for (const order of found.letters)
    if (!was.letters.has(order) && !is.letters.has(order)) says(`letter ${order} has come back`)
}

/** Once all sessions have ended, only inboxes hold events. */
async function mustEmpty(path: string, says: (what: string) => void): Promise<void> {
  const opened = await open(path)
  for (const id of IDS) opened.all.sessions.end(id)
  const inInboxes = new Set<string>()
  for (const [asked, told] of seen(opened).missed) {
    for (const [number, body] of told ?? []) inInboxes.add(`${asked.split(' ')[0]} ${number} ${body}`)
  }
  const events = new Set([...inInboxes].map((one) => one.slice(one.indexOf('{'))))
  const { kept } = opened.all
  const isTold = ({ key }: { key: number }): boolean => kept.read(key) !== undefined
  const records = kept.size.records - [...kept.entries(0)].filter((one) => !isTold(one)).length
  if (records !== events.size) says(`${records} records are kept for ${events.size} events`)
  await close(opened)
}
