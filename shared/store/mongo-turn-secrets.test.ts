// @needs MongoDB
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { MongoClient } from 'mongodb'
import { startMongoServer, type MongoServer } from '../../test/mongo-server.ts'
import { ownDatabase } from '../../test/own-data.ts'
import { Unavailable } from '../wire/refusal.ts'
import { openMongoTurnSecrets } from './mongo-turn-secrets.ts'
import type { TurnSecrets } from './turn-secrets.ts'

// Uses its own server, because the test stops it.

let server: MongoServer
let coturn: MongoClient
let secrets: TurnSecrets
const insert = (realm: string, value: unknown) => coturn.db().collection('turn_secret').insertOne({ realm, value })

beforeAll(async () => {
  server = await startMongoServer()
})
afterAll(() => server.close())
beforeEach(() => {
  const url = ownDatabase(server.url)
  coturn = new MongoClient(url)
  secrets = openMongoTurnSecrets(url, 'home')
})
afterEach(async () => {
  await secrets.close()
  await coturn.close()
})

test('the newest secret of the realm signs, at once', async () => {
  await insert('home', 'zzz-first')
  expect(await secrets.newest()).toBe('zzz-first')
  await insert('home', 'aaa-second')
  await insert('elsewhere', 'of-others')
  expect(await secrets.newest()).toBe('aaa-second')
  await coturn.db().collection('turn_secret').deleteOne({ value: 'aaa-second' })
  expect(await secrets.newest()).toBe('zzz-first')
})

test('is unavailable without a secret for the realm; an empty one, or one that is not a string, does not count', async () => {
  const none = new Unavailable('TURN_SECRET_STORE has no secret for the realm home')
  await expect(secrets.newest()).rejects.toThrow(none)
  await insert('elsewhere', 'of-others')
  for (const value of ['', 7, { $gt: '' }, null]) await insert('home', value)
  await expect(secrets.newest()).rejects.toThrow(none)
})

test('is unavailable only while the server cannot be reached', async () => {
  await insert('home', 'a secret')
  await server.kill('SIGSTOP')
  const failing = secrets.newest()
  await expect(failing).rejects.toThrow(Unavailable)
  await expect(failing).rejects.toThrow(/^TURN_SECRET_STORE cannot be read: /)
  await server.kill('SIGCONT')
  expect(await secrets.newest()).toBe('a secret')
})

test.each(['mongodb://root:hunter2@db:port:port', 'mongodb://root:hunter2@db/a.b'])(
  'refuses an invalid URL or database name without showing it: %s',
  (url) => {
    const open = () => openMongoTurnSecrets(url, 'home')
    expect(open).toThrow(/^TURN_SECRET_STORE: /)
    expect(open).not.toThrow(/hunter2/)
  },
)
