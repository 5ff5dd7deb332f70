import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { startMongoServer } from '../test/mongo-server.ts'

// npm run test:mongo: runs on MongoDB every test that keeps handlers' data, in this process or in those that it starts. Given paths of
// tests, it runs these.

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const STORES = ['test/own-data.ts', 'shared/store/mongo.ts']
/** In the path or the text of a test that opens a store or serves a group of handlers/. A stage without such a group keeps nothing. */
const KEEPS_DATA =
  /own-data\.ts|store\/|\/handlers\/|openStage\(\s*(?:'|\[\s*'|groups|all)|\.serve\('(?:contacts|groups|messaging|presence|profiles|signaling|turn)'|startHandlers|handlers\/run|loadGroup/
/** In the path or the text of a test whose data are then on the server. The others would run the same code as without it. */
const USES_SERVER = /\/store\/mongo|\b(?:openStage|Parts\.open|ownData|stage)\(|TEST_MONGODB_URL/
/** Slow tests that are not run again here: they measure, or have a MongoDB of their own. */
const SLOW = /\/test\/slow\/(?!parallel\/(?!growth\.))/

const env = { ...process.env, SLOW: '1' }
const jest = ['run', '--silent', 'jest', '--']
/** The server takes a core itself; commands that wait for it too long are refused. */
const WORKERS = ['--maxWorkers', String(availableParallelism())]

function testsWithData(): string[] {
  const listing = [...jest, '--listTests', '--findRelatedTests', ...STORES]
  const related = execFileSync('npm', listing, {
    cwd: ROOT,
    env: { ...env, TEST_MONGODB_URL: 'any' },
    encoding: 'utf8',
  })
  const files = related.split('\n').filter((line) => line.endsWith('.test.ts') && !SLOW.test(line))
  return files.filter((file) => {
    const text = `${file}\n${readFileSync(file, 'utf8')}`
    return KEEPS_DATA.test(text) && USES_SERVER.test(text)
  })
}

const chosen = process.argv.slice(2)
const given = process.env['MONGODB_URL']
const server = given === undefined || given === '' ? await startMongoServer() : undefined
const { url, what } = server ?? { url: given, what: undefined }
const run = spawn(
  'npm',
  [...jest, ...WORKERS, ...(chosen.length > 0 ? chosen : ['--runTestsByPath', ...testsWithData()])],
  {
    cwd: ROOT,
    env: { ...env, TEST_MONGODB_URL: url, TEST_MONGODB_IS: what },
    stdio: 'inherit',
  },
)
const [code] = (await once(run, 'exit')) as [number | null]
await server?.close()
process.exit(code ?? 1)
