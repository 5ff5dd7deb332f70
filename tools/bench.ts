import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openLog } from '../shared/log.ts'
import { openStore } from '../shared/store/open.ts'
import type { Store } from '../shared/store/documents.ts'
import { countingStore } from '../test/counting-store.ts'
import { startMongoServer } from '../test/mongo-server.ts'
import { dropDatabase, ownDatabase } from '../test/own-data.ts'
import { benchCore } from './bench/core.ts'
import { benchKept } from './bench/kept/start.ts'
import { fill, HANDLERS, openPlay, plays } from './bench/catalogue.ts'
import { growth } from './bench/growth/main.ts'
import { explainAll, whoExplains } from './bench/explain.ts'
import { moreThanRecorded, readCounts, writeCounts, type Counts } from './bench/counted.ts'
import { benchLoad } from './bench/load-figures.ts'
import { line, openLines, operations, SPEC } from './bench/operations.ts'
import { measure, table, type Rows } from './bench/timing.ts'
import { collectionsOf } from '../scripts/data/collections.ts'

// npm run bench: the cost of the hot path compared with the recorded cost, and the cost of the store and of the catalogue's commands as
// data grow, on each engine.

const USAGE = `usage: npm run bench -- [options], or npm run bench -- growth --help: the cost of commands as one user's data grow
  --sizes 10,1000,100000   numbers of stored documents, ascending; for the catalogue: of messages, a hundred for each pair of users
  --samples 200            calls to measure for each operation and size
  --only load              the hot path beside Mosquitto; reports what is over 15 % worse than in docs/load.json
  --only store             the store's operations
  --only catalogue         the handlers' commands
  --only core              CPU of the broker's storage per command, for different numbers of remembered and queued commands
  --only kept              start-up time and memory of a broker with 100,000 and 1,000,000 events and commands
  --record                 writes the number of documents that each command reads to docs/bench.json, for later runs to compare
  --mongo                  measures MongoDB too; without MONGODB_URL, on the server that the tests start
  --explain                shows MongoDB's plan for each query of the store, for each size of each collection
Engines: SQLite in a folder of its own (TMPDIR), and MongoDB when MONGODB_URL is set (a database of its own, dropped at the end).
`

const BENCHES = ['load', 'store', 'catalogue', 'core', 'kept']
/** Inserts at a time, to fill a store. */
const AT_ONCE = 64

const out = (text: string): unknown => process.stdout.write(text)

async function benchStore(engine: string, store: Store, sizes: readonly number[], samples: number): Promise<void> {
  const lines = openLines(store)
  const rows: Rows = new Map()
  let stored = 0
  for (const size of sizes) {
    const began = performance.now()
    const from = stored
    for (let i = from; i < size; i += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, size - i) }, (_, more) => line(i + more))
      await Promise.all(some.map((one) => lines.insert(one)))
      if (i % 20_000 < AT_ONCE) process.stderr.write(`${engine}: ${i} of ${size}\n`)
    }
    stored = size
    const perSecond = (size - from) / ((performance.now() - began) / 1000)
    process.stderr.write(`${engine}: ${size} documents, ${perSecond.toFixed(0)} inserts/s, ${AT_ONCE} at a time\n`)
    await measure(rows, samples, operations(lines, size))
  }
  out(table(`the store on ${engine}, p50/p99 in ms`, sizes, rows))
}

/** @returns documents read by each command */
async function benchCatalogue(
  engine: string,
  store: Store,
  sizes: readonly number[],
  samples: number,
): Promise<Counts> {
  const counting = countingStore(store)
  const play = await openPlay(counting.store)
  const rows: Rows = new Map()
  const counts: Counts = {}
  let couples = 0
  for (const size of sizes) {
    const wanted = Math.max(1, Math.round(size / 100))
    await fill(store, play, couples, wanted, (done) => process.stderr.write(`${engine}: ${done} of ${size} messages\n`))
    couples = wanted
    for (const [name, operation] of Object.entries(plays(play, couples))) {
      const before = counting.read()
      await measure(rows, samples, { [name]: operation })
      counts[name] = { ...counts[name], [size]: (counting.read() - before) / samples }
    }
  }
  out(table(`the catalogue on ${engine}, p50/p99 in ms`, sizes, rows))
  const read = Object.entries(counts).map(([name, bySize]): [string, number[]] => [name, Object.values(bySize)])
  out(table(`documents read by each command, ${engine}`, sizes, new Map(read)))
  return counts
}

/** Records the counts, or reports which of them grew. @returns false if any did */
function judge(counts: Counts, samples: number, isRecord: boolean): boolean {
  if (isRecord) {
    writeCounts(samples, counts)
    return true
  }
  const more = moreThanRecorded(readCounts(samples), counts)
  out(more.length > 0 ? `\n${more.join('')}` : '\nNo command reads more documents than recorded.\n')
  return more.length === 0
}

/** @returns true if every query is known to use an index and to examine little more than it returns */
async function explain(mongo: string, sizes: readonly number[]): Promise<boolean> {
  const { server, silent } = await whoExplains(mongo)
  out(`The server is ${server}.\n`)
  if (silent !== undefined) {
    out(`Its query plans are UNKNOWN, because it does not explain them: ${silent}\n`)
    return false
  }
  const specs = [SPEC, ...(await collectionsOf(HANDLERS))]
  let faults = 0
  for (const size of sizes) {
    const url = ownDatabase(mongo)
    out(
      `\n${size.toLocaleString('en')} documents in each collection: keys examined, documents examined, documents returned\n`,
    )
    try {
      for (const { collection, use, command, plan, fault } of await explainAll(url, specs, size)) {
        const { stages, indexes, keys, docs, returned } = plan
        const how = `${stages.join(' < ')}, ${indexes.join(' and ') || 'no index'}`
        out(`${collection} ${use} (${command}): ${how}: ${keys}, ${docs}, ${returned}${fault ? ` ${fault}` : ''}\n`)
        if (fault) faults++
      }
    } finally {
      await dropDatabase(url)
    }
  }
  out(
    faults
      ? `\nThe cost of ${faults} of them grows with the data.\n`
      : '\nThe cost of none of them grows with the data.\n',
  )
  return faults === 0
}

async function main(): Promise<void> {
  if (process.argv[2] === 'growth') return growth(process.argv.slice(3))
  const { values } = parseArgs({
    options: {
      sizes: { type: 'string', default: '10,1000,100000' },
      samples: { type: 'string', default: '200' },
      only: { type: 'string' },
      mongo: { type: 'boolean', default: false },
      explain: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const sizes = values.sizes.split(',').map(Number)
  const samples = Number(values.samples)
  const isWrong = [...sizes, samples].some((value) => !Number.isInteger(value) || value < 1)
  if (values.help || isWrong || ![undefined, ...BENCHES].includes(values.only)) return void out(USAGE)
  if (!values.explain && (values.only ?? 'load') === 'load' && !(await benchLoad(out))) process.exitCode = 1
  if (values.only === 'load') return
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-bench-'))
  const given = process.env['MONGODB_URL']
  if (values.only === 'kept') return await benchKept(out).finally(() => rmSync(dir, { recursive: true }))
  if (values.only === 'core') return await benchCore(dir, out).finally(() => rmSync(dir, { recursive: true }))
  const server = (values.mongo || values.explain) && !given ? await startMongoServer() : undefined
  const mongo = server?.url ?? given
  try {
    const engines = ['SQLite', ...(mongo ? ['MongoDB'] : [])]
    if (server) out(`MongoDB is ${server.what}\n`)
    if (values.explain) return void (process.exitCode = (await explain(mongo!, sizes)) ? 0 : 1)
    for (const engine of engines) {
      for (const [what, bench] of [
        ['store', benchStore],
        ['catalogue', benchCatalogue],
      ] as const) {
        if (values.only !== undefined && values.only !== what) continue
        const MONGODB_URL = engine === 'MongoDB' ? ownDatabase(mongo!) : undefined
        const store = await openStore({ DATA_DIR: join(dir, what), MONGODB_URL }, openLog('warn', 'bench'))
        try {
          const counts = await bench(engine, store, sizes, samples)
          if (counts && !judge(counts, samples, values.record)) process.exitCode = 1
        } finally {
          await store.close()
          if (MONGODB_URL !== undefined) await dropDatabase(MONGODB_URL)
        }
      }
    }
  } finally {
    await server?.close()
    rmSync(dir, { recursive: true })
  }
}

main().catch((err: Error) => {
  process.stderr.write(`${err.stack}\n`)
  process.exit(1)
})
