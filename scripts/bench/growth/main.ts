import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openLog } from '../../../shared/log.ts'
import { openStore } from '../../../shared/store/open.ts'
import { startMongoServer } from '../../../test/mongo-server.ts'
import { dropDatabase, ownDatabase } from '../../../test/own-data.ts'
import { benchGrowth } from './growth.ts'

// npm run bench -- growth

const USAGE = `usage: npm run bench -- growth [options]
  --sizes 10,1000,20000    of each pile (contacts, messages, groups, calls …), or as many as its own limit allows
  --samples 20             calls measured of each command and size, in four seconds at most
  --only contacts          the piles with this in their names
  --mongo                  MongoDB too, at the server that the tests start where MONGODB_URL is not set
It tells of each command what one call makes the store do at most (documents read, index entries counted, documents written), its
median time, and what others wait meanwhile for a cheap command of the same process (p99), in ms.
Engines: SQLite in a folder of its own (TMPDIR), and MongoDB when MONGODB_URL is set (a database of its own, dropped at the end).
`

const out = (text: string): void => void process.stdout.write(text)

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
  if (values.help || isWrong) return out(USAGE)
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-bench-'))
  const given = process.env['MONGODB_URL']
  const server = values.mongo && !given ? await startMongoServer() : undefined
  const mongo = server?.url ?? given
  try {
    if (server) out(`MongoDB is ${server.what}\n`)
    for (const [engine, url] of [['SQLite', undefined] as const, ...(mongo ? [['MongoDB', mongo] as const] : [])]) {
      const database = url === undefined ? undefined : ownDatabase(url)
      const progress = (text: string): void => void process.stderr.write(`${engine}: ${text}\n`)
      const open = () => openStore({ DATA_DIR: dir, MONGODB_URL: database }, openLog('warn', 'bench'))
      out(`\nOn ${engine}\n`)
      try {
        await benchGrowth(open, sizes, samples, values.only, out, progress)
      } finally {
        if (database !== undefined) await dropDatabase(database)
      }
    }
  } finally {
    await server?.close()
    rmSync(dir, { recursive: true })
  }
}
