import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLog } from '../shared/log.ts'
import { closeAll, type Closable } from '../shared/shutdown.ts'
import type { Store } from '../shared/store/documents.ts'
import { openStore } from '../shared/store/open.ts'

/** Where a test's handlers keep their data: a folder, or a database of its own on the server that `npm run test:mongo` has started. */
export interface OwnData extends Closable {
  /** The settings that point there. */
  readonly settings: { readonly DATA_DIR: string; readonly MONGODB_URL?: string }
  /** Opens the data as a separate process would; closed together with them. */
  store(): Promise<Store>
}

export async function ownData(): Promise<OwnData> {
  const dir = await mkdtemp(join(tmpdir(), 'switchboard-'))
  const opened: Closable[] = [{ close: () => rm(dir, { recursive: true, force: true }) }]
  const server = process.env['TEST_MONGODB_URL']
  const url = server === undefined ? undefined : ownDatabase(server)
  if (url !== undefined) opened.push({ close: () => dropDatabase(url) })
  const settings = { DATA_DIR: dir, ...(url !== undefined && { MONGODB_URL: url }) }
  return {
    settings,
    async store() {
      const store = await openStore(settings, openLog('silent', 'test'))
      opened.push(store)
      return store
    },
    close: () => closeAll(opened),
  }
}

/** A server's URL with a database that nobody else uses. */
export function ownDatabase(server: string): string {
  const [, hosts, options = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/[^?]*)?(\?.*)?$/.exec(server) ?? []
  if (hosts === undefined) throw new Error('TEST_MONGODB_URL is not a MongoDB URL')
  return `${hosts}/test-${randomUUID()}${options}`
}

export async function dropDatabase(url: string): Promise<void> {
  const { MongoClient } = await import('mongodb')
  const client = new MongoClient(url)
  try {
    await client.db().dropDatabase()
  } finally {
    await client.close()
  }
}
