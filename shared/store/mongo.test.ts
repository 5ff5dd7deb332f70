import { afterAll, beforeAll } from '@jest/globals'
import { openLog } from '../log.ts'
import { startMongoServer, type MongoServer } from '../../test/mongo-server.ts'
import { dropDatabase, ownDatabase } from '../../test/own-data.ts'
import { storeContract } from './contract.ts'
import type { Store } from './documents.ts'
import { openMongo } from './mongo.ts'

const given = process.env['TEST_MONGODB_URL']
let server: MongoServer | undefined
let url: string
beforeAll(async () => {
  if (given === undefined) server = await startMongoServer()
  url = given ?? server!.url
}, 120_000)
afterAll(() => server?.close())

storeContract('MongoDB', async () => {
  const open: Store[] = []
  const own = ownDatabase(url)
  const another = async () => {
    const store = await openMongo(own, openLog('silent', 'test'))
    open.push(store)
    return store
  }
  return {
    store: await another(),
    second: another,
    async cleanUp() {
      for (const store of open) await store.close()
      await dropDatabase(own)
    },
  }
})
