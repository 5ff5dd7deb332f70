import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Config, ConfigError, readConfig } from '../shared/config.ts'
import { openLog } from '../shared/log.ts'
import { keepFilesPrivate } from '../shared/private-files.ts'
import { DATABASE, databaseOf } from '../shared/store/mongo-client.ts'
import { openData } from '../handlers/open-data.ts'
import { collectionsOf } from './data/collections.ts'
import { checkWith, exportTo, importFrom, type Report } from './data/dump.ts'
import { progressBar } from './data/progress-bar.ts'
import { verifyFiles } from './data/verify.ts'

// npm run data: exports, imports and checks the handlers' data, and verifies data files.

const USAGE = `usage: npm run data -- <what> FOLDER
  export FOLDER   writes all of the handlers' data to files, one document per line
  import FOLDER   stores an export in the engine that the settings choose; leaves existing documents as they are
  check FOLDER    compares the stored data with an export, by count and hash
  verify          reads all files in DATA_DIR, the broker's too, and names damaged ones; may run at any time

The engine is MONGODB_URL or, without it, the file in DATA_DIR. Stop the handler processes first: the broker keeps what devices
send meanwhile. An interrupted command continues when it is run again. From one machine to many:
  npm run data -- export dump && MONGODB_URL=… npm run data -- import dump && MONGODB_URL=… npm run data -- check dump
`

/** Each action, with the preposition between it and the place of the data. */
const WHAT: Readonly<Record<string, string>> = { export: 'from', import: 'to', check: 'of' }

/** Describes where the data are, without credentials. */
function placeOf({ MONGODB_URL: url, DATA_DIR }: Config): string {
  if (url === undefined) return `SQLite, ${join(DATA_DIR, 'handlers.db')}`
  const [, hosts] = /^[^/]*\/\/(?:[^@/]*@)?([^/?]*)/.exec(url) ?? []
  return `MongoDB, ${databaseOf(url) ?? DATABASE} at ${hosts}`
}

function tell(reports: readonly Report[]): void {
  for (const { collection, documents, already, wrong } of reports) {
    const known = already ? `, ${already} of them already there` : ''
    process.stdout.write(`${collection.padEnd(28)}${documents} documents${known}\n`)
    for (const what of wrong) process.stdout.write(`  ${what}\n`)
  }
  const count = reports.filter(({ wrong }) => wrong.length > 0).length
  process.stdout.write(count === 0 ? 'all as it should be\n' : `${count} collections are not as they should be\n`)
  if (count > 0) process.exitCode = 1
}

async function verify({ DATA_DIR }: Config): Promise<void> {
  const files = await verifyFiles(DATA_DIR)
  if (files.length === 0) process.stdout.write(`there are no data files in ${DATA_DIR}\n`)
  for (const { file, wrong } of files) {
    process.stdout.write(
      `${file}: ${wrong.length === 0 ? 'sound' : 'damaged'}\n${wrong.map((line) => `  ${line}\n`).join('')}`,
    )
    if (wrong.length > 0) process.exitCode = 1
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  })
  if (values.help) return void process.stdout.write(USAGE)
  const [what = '', folder, ...more] = positionals
  if (what === 'verify' && folder === undefined) return verify(readConfig())
  if (folder === undefined || more.length > 0 || !Object.hasOwn(WHAT, what)) throw new ConfigError(USAGE)
  const specs = await collectionsOf(fileURLToPath(new URL('../handlers', import.meta.url)))
  const config = readConfig()
  const log = openLog(config.LOG_LEVEL, 'data')
  keepFilesPrivate(config.DATA_DIR, log)
  const store = await openData(config, log)
  process.stdout.write(`${what} ${WHAT[what]} ${placeOf(config)}\n`)
  try {
    if (what === 'export') {
      const manifest = await exportTo(folder, store, specs, progressBar())
      tell(Object.entries(manifest).map(([collection, { documents }]) => ({ collection, documents, wrong: [] })))
    } else if (what === 'import') {
      tell(await importFrom(folder, store, specs, progressBar()))
      process.stdout.write('compared with what is stored now:\n')
      tell(await checkWith(folder, store, specs, progressBar()))
    } else tell(await checkWith(folder, store, specs, progressBar()))
  } finally {
    await store.close()
  }
}

main().catch((err: Error) => {
  process.stderr.write(`${err.message}\n`)
  process.exit(1)
})
