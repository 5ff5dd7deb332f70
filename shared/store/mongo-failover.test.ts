// @needs MongoDB
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { startMongoServer, type MongoServer } from '../../test/mongo-server.ts'
import { openReplicaSet, type Failure, type ReplicaSet, type SetOptions } from '../../test/replica-set.ts'
import { openLog } from '../log.ts'
import { Unavailable } from '../wire/refusal.ts'
import type { Collection, Document, Store } from './documents.ts'
import { openMongo } from './mongo.ts'

// A fail-over is no fault of the operations that it interrupts. The set is a stand-in: see test/replica-set.ts.

interface Note extends Document {
  readonly slug?: string
  readonly times?: number
}
const SPEC = { name: 'notes', indexes: { by_slug: { fields: ['slug'], unique: true } } }
const [AWAY, BACK, MOVED] = [
  'cannot reach MongoDB; commands wait',
  'MongoDB can be reached again',
  'MongoDB has another primary',
]

let server: MongoServer
let set: ReplicaSet
let store: Store
let said: string[]
beforeAll(async () => {
  server = await startMongoServer()
})
afterAll(() => server?.close())
afterEach(async () => {
  await store.close()
  await set.close()
})

let last = 0
async function open(options: SetOptions = {}): Promise<Collection<Note>> {
  set = await openReplicaSet(() => Number(new URL(server.url).port), options)
  said = []
  const log = openLog('info', 'test', { write: (line) => void said.push((JSON.parse(line) as { msg: string }).msg) })
  store = await openMongo(set.url.replace('/?', `/failover-${++last}?`), log)
  const notes = store.collection<Note>(SPEC)
  await notes.get('n1') // it is ready
  return notes
}

/** Repeats an operation as a redelivered command does, which finds what it has done. */
async function write(notes: Collection<Note>, id: string): Promise<void> {
  const more = (now: Note | undefined) => now && { ...now, times: (now.times ?? 0) + 1 }
  await often(async (isFirst) => {
    const isNew = await notes.insert({ _id: id, slug: id })
    if (isFirst) expect(isNew).toBe(true)
  })
  await often(async (isFirst) => {
    const isThere = !isFirst && (await notes.get(id))?.times !== undefined
    if (!isThere) expect(await notes.change(id, more)).toEqual({ _id: id, slug: id, times: 1 })
  })
}

async function often(work: (isFirst: boolean) => Promise<void>): Promise<void> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await work(isFirst)
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
    }
  }
}

/** Eight writers that write all the time. Resolves with the number of documents. */
async function writing(notes: Collection<Note>, meanwhile: () => Promise<void>): Promise<number> {
  const over = new AbortController()
  let count = 0
  const all = Array.from({ length: 8 }, async (_, who) => {
    for (let i = 0; !over.signal.aborted; i++, count++) await write(notes, `${who}-${i}`)
  })
  await meanwhile()
  over.abort()
  await Promise.all(all)
  return count
}

async function all(notes: Collection<Note>): Promise<Note[]> {
  const found: Note[] = []
  for (let after: Note | undefined, isMore = true; isMore; after = found.at(-1)!) {
    const page = await notes.find({ limit: 1_000, ...(after && { after: { ...after } }) })
    found.push(...page)
    isMore = page.length === 1_000
  }
  return found
}

test.each([true, false])(
  'operations that a fail-over interrupts are done once, as far as anyone can tell (the set recognises a repeated write: %p)',
  async (remembers) => {
    const notes = await open({ remembers })
    const failures: Failure[] = ['stepDown', 'shutDown', 'dieBefore', 'dieAfter']
    const count = await writing(notes, async () => {
      for (const how of failures) {
        expect(await set.failOver(how, 300)).toBeGreaterThan(0)
        await notes.get('n1').catch(() => {})
      }
    })
    const found = await all(notes)
    expect(found).toHaveLength(count)
    expect(found.filter(({ times }) => times !== 1)).toEqual([])
    expect(set.remembered > 0).toBe(remembers)
    expect(said).toEqual(failures.flatMap(() => [AWAY, BACK]))
  },
)

test('reads after an election what was confirmed before it, though the new primary does not know at first', async () => {
  const notes = await open({ lagMs: 300 })
  await notes.insert({ _id: 'n1', slug: 's' })
  for (const how of ['stepDown', 'dieBefore'] as const) {
    const over = new AbortController()
    const readers = Array.from({ length: 4 }, async () => {
      while (!over.signal.aborted) {
        await often(async () => expect(await notes.get('n1')).toEqual({ _id: 'n1', slug: 's' }))
        await often(async () => expect(await notes.find({ by: 'by_slug', limit: 1 })).toHaveLength(1))
      }
    })
    await set.failOver(how, 100)
    await often(async () => void (await notes.insert({ _id: how })))
    over.abort()
    await Promise.all(readers)
  }
})

test('operations on a vanished primary are postponed soon after the election, and its late answers are ignored', async () => {
  const notes = await open({ vanishedMs: 3_000 })
  await notes.insert({ _id: 'n1' })
  await writing(notes, async () => {
    const failing = set.failOver('vanish', 300)
    const began = performance.now()
    await often(async () => void (await notes.get('n1')))
    expect(performance.now() - began).toBeLessThan(7_000)
    await failing
  })
  expect(said).toEqual([MOVED])
  expect((await all(notes)).filter(({ _id, times }) => _id !== 'n1' && times !== 1)).toEqual([])
})
