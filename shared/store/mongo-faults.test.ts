// @needs MongoDB
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { MongoClient } from 'mongodb'
import { openProxy, type Proxy } from '../../tools/faults/proxy.ts'
import { freePort } from '../../test/free-port.ts'
import { startMongoServer, type MongoServer } from '../../test/mongo-server.ts'
import { openLog } from '../log.ts'
import { Unavailable } from '../wire/refusal.ts'
import type { Collection, Document, Store } from './documents.ts'
import { reasonOf } from './mongo-errors.ts'
import { openMongo } from './mongo.ts'

// Errors that are no fault of a command postpone it. The server is our own, which can be told to fail, behind a proxy.

interface Note extends Document {
  readonly body?: number
}

let server: MongoServer
let admin: MongoClient
let proxy: Proxy
let lines: string[]
const opened: Store[] = []
beforeAll(async () => {
  server = await startMongoServer()
  admin = new MongoClient(server.url)
})
afterAll(async () => {
  await admin.close()
  await server.close()
})
beforeEach(async () => {
  lines = []
  proxy = await openProxy(() => Number(new URL(server.url).port))
})
afterEach(async () => {
  await fail(0, [], 1)
  for (const store of opened.splice(0)) await store.close()
  await proxy.close()
  await admin.db('faults').dropDatabase()
})

const log = openLog('info', 'test', { write: (line) => void lines.push(line) })
const said = () => lines.map((line) => (JSON.parse(line) as { msg: string }).msg)
const AWAY = 'cannot reach MongoDB; commands wait'
const BACK = 'MongoDB can be reached again'
const urlAt = (port: number): string => `mongodb://127.0.0.1:${port}/faults?directConnection=true`

async function open(url = urlAt(proxy.port)): Promise<Store> {
  const store = await openMongo(url, log)
  opened.push(store)
  return store
}
async function notes(): Promise<Collection<Note>> {
  const all = (await open()).collection<Note>({ name: 'notes' })
  await all.get('n1') // it is ready
  return all
}

/** Makes the next of these commands fail. */
async function fail(times: number, failCommands: string[], errorCode: number): Promise<void> {
  const point = { mode: { times }, data: { failCommands, errorCode } }
  await admin.db('admin').command({ configureFailPoint: 'failCommand', ...point })
}

describe('MongoDB', () => {
  test.each([
    ['NotWritablePrimary', 10_107],
    ['NotPrimaryNoSecondaryOk', 13_435],
    ['PrimarySteppedDown', 189],
    ['InterruptedDueToReplStateChange', 11_602],
    ['ShutdownInProgress', 91],
    ['MaxTimeMSExpired', 50],
    ['no majority in time', 64],
    ['Unauthorized', 13],
  ])('postpones a command when the server says %s, and logs that once', async (_, code) => {
    const all = await notes()
    const at = (body: number) => () => ({ _id: 'n1', body })
    await all.insert({ _id: 'n1', body: 0 })
    for (const [command, use] of [
      ['insert', () => all.insert({ _id: 'n2' })],
      ['update', () => all.change('n1', at(1))],
      ['delete', () => all.remove('n1')],
      ['find', () => all.find({ limit: 1 })],
    ] as const) {
      await fail(2, [command], code) // the driver itself tries twice, where the server can tell a write that comes again
      await expect(use()).rejects.toThrow(Unavailable)
      await fail(0, [], code)
    }
    expect(await all.change('n1', at(2))).toEqual({ _id: 'n1', body: 2 })
    expect(await all.insert({ _id: 'n2' })).toBe(true)
    expect(said().filter((line) => line === AWAY).length).toBeGreaterThan(0)
    expect(said().filter((line) => line === AWAY)).toHaveLength(said().filter((line) => line === BACK).length)
  })

  test('reports a refusal by its name, without anything of the operation', async () => {
    const all = await notes()
    await fail(2, ['find'], 2)
    await expect(all.get('a secret of alice')).rejects.toThrow(/^MongoDB refused the operation: \w+ \(2\)$/)
    expect(said()).toEqual([])
  })

  test('postpones what a broken connection carried, and loses and doubles nothing', async () => {
    const all = await notes()
    let [done, putOff] = [0, 0]
    let cutting: NodeJS.Timeout
    const cut = (): void => {
      proxy.cut()
      cutting = setTimeout(cut, 50 * 1.4 ** putOff) // who connects again slowly gets through, too
    }
    cut()
    try {
      while (putOff < 5 || done < 20) {
        const id = `n${100 + done}`
        try {
          await all.insert({ _id: id }) // or it is there from the time before
          await all.change(id, (now) => ({ _id: now!._id, body: 1 }))
          done++
        } catch (error) {
          expect(error).toBeInstanceOf(Unavailable)
          putOff++
        }
      }
    } finally {
      clearTimeout(cutting!)
    }
    const kept = await afterwards(() => all.find({ limit: 1_000 }))
    expect(kept.slice(0, done)).toEqual(Array.from({ length: done }, (_, i) => ({ _id: `n${100 + i}`, body: 1 })))
  })

  test('that stops answering is given up in time, and is used again when it answers', async () => {
    const all = await notes()
    proxy.blackhole(true)
    const began = performance.now()
    const many = Array.from({ length: 200 }, (_, i) => all.get(`n${i}`))
    for (const one of await Promise.allSettled(many)) {
      expect(one).toMatchObject({ status: 'rejected', reason: expect.any(Unavailable) })
    }
    expect(performance.now() - began).toBeLessThan(20_000)
    proxy.cut() // first, or some hear that it is back, and are cut
    proxy.blackhole(false)
    expect(await afterwards(() => all.get('n1'))).toBeUndefined()
    expect(said()).toEqual([AWAY, BACK])
  })

  test('that is back is not logged as lost again by operations that are given up only then', async () => {
    const all = await notes()
    proxy.blackhole(true)
    const late = all.get('n1').catch((error: unknown) => error) // has the connection, and waits for its answer
    await expect(all.get('n2')).rejects.toThrow(Unavailable) // sooner: it waits for a connection
    proxy.blackhole(false)
    expect(await afterwards(() => all.get('n1'))).toBeUndefined()
    expect(await late).toBeInstanceOf(Unavailable)
    expect(said()).toEqual([AWAY, BACK])
  })

  test('that cannot be reached at the start is waited for, with one line in the log', async () => {
    const down = await openProxy(() => 1, await freePort())
    let isOpen = false
    const opening = open(`mongodb://127.0.0.1:${down.port}/faults?directConnection=true`).then(() => (isOpen = true))
    await until(() => lines.length > 0)
    await down.close()
    const up = await openProxy(() => Number(new URL(server.url).port), down.port)
    expect(isOpen).toBe(false)
    await opening
    expect(said()).toEqual([AWAY, BACK])
    await opened.pop()!.close()
    await up.close()
  })

  test.each([
    ['does not belong to the replica set in the URL', 'replicaSet=rs9', 'no server belongs to the replica set rs9'],
    ['has no TLS', 'tls=true', /SSL|socket|closed|no answer from 127/],
  ])('that %s is reported with that reason, not as a time-out', async (_, options, reason) => {
    const client = new MongoClient(`${server.url}/?${options}`, { serverSelectionTimeoutMS: 3_000 })
    const error: unknown = await client.connect().catch((error: unknown) => error)
    await client.close()
    expect(reasonOf(error)).toMatch(reason)
  })

  test('whose URL names a missing file ends the start', async () => {
    const url = `mongodb://127.0.0.1:${proxy.port}/faults?tls=true&tlsCAFile=/nowhere/ca.pem`
    await expect(open(url)).rejects.toThrow(/^MONGODB_URL: ENOENT.*ca\.pem/)
    expect(said()).toEqual([])
  })

  test.each([
    ['its credentials', (port: number) => `mongodb://root:hunter2@127.0.0.1:${port}/faults`],
    [
      'an option that there is not',
      (port: number) => `mongodb://root:hunter2@127.0.0.1:${port}/faults?hunter2=hunter2`,
    ],
  ])('that refuses %s ends the start, and the log does not show it', async (_, url) => {
    await expect(open(url(proxy.port))).rejects.toThrow(/^MONGODB_URL: (?!.*=?hunter2.*@)/)
    expect(lines.join('')).not.toContain('hunter2')
  })
})

/** What it resolves with as soon as MongoDB is back. */
async function afterwards<T>(use: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await use()
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
    }
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20))
}
