import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openLog } from '../../../shared/log.ts'
import type { Store } from '../../../shared/store/documents.ts'
import { openStore } from '../../../shared/store/open.ts'
import { startMongoServer } from '../../../test/mongo-server.ts'
import { dropDatabase, ownDatabase } from '../../../test/own-data.ts'
import { benchGrowth } from './growth.ts'
import { MAX_SAMPLES } from './pile.ts'

// npm run bench -- growth

const USAGE = `usage: npm run bench -- growth [options]
  --sizes 10,1000,20000    of each pile (contacts, messages, groups, calls …), or as many as its own limit allows
  --samples 20             calls to measure for each command and size, at most 30, in four seconds
  --only contacts          only piles whose names contain this
  --mongo                  measures MongoDB too; without MONGODB_URL, on the server that the tests start
It tells of each command what one call makes the store do at most (documents read, index entries counted, documents written), its
median time, and what others wait meanwhile for a cheap command of the same process (p99), in ms.
Engines: SQLite in a folder of its own (TMPDIR), and MongoDB when MONGODB_URL is set (a database of its own, dropped at the end).
`

const out = (text: string): void => void process.stdout.write(text)

/** A store of its own, deleted when it is closed. */
async function openEmpty(dir: string, server: string | undefined): Promise<Store> {
  const MONGODB_URL = server === undefined ? undefined : ownDatabase(server)
  const store = await openStore({ DATA_DIR: mkdtempSync(join(dir, 'pile-')), MONGODB_URL }, openLog('warn', 'bench'))
  const close = async (): Promise<void> => {
    await store.close()
    if (MONGODB_URL !== undefined) await dropDatabase(MONGODB_URL)
  }
  return { ...store, close }
}

export async function growth(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      sizes: { type: 'string', default: '10,1000,20000' },
      samples: { type: 'string', default: '20' },
      only: { type: 'string', default: '' },
      mongo: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const sizes = values.sizes.split(',').map(Number)
  const samples = Number(values.samples)
  const isWrong = [...sizes, samples].some((value) => !Number.isInteger(value) || value < 1)
  if (values.help || isWrong || samples > MAX_SAMPLES) return out(USAGE)
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-bench-'))
  const given = process.env['MONGODB_URL']
  const server = values.mongo && !given ? await startMongoServer() : undefined
  const mongo = server?.url ?? given
  try {
    if (server) out(`MongoDB is ${server.what}\n`)
    for (const [engine, url] of [['SQLite', undefined] as const, ...(mongo ? [['MongoDB', mongo] as const] : [])]) {
      const progress = (text: string): void => void process.stderr.write(`${engine}: ${text}\n`)
      out(`\nOn ${engine}\n`)
      await benchGrowth(() => openEmpty(dir, url), sizes, samples, values.only, out, progress)
    }
  } finally {
    await server?.close()
    rmSync(dir, { recursive: true })
  }
}
