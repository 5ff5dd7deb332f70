import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startMongoServer } from '../test/mongo-server.ts'

// npm run test:mongo: runs every test that opens a store, directly or through processes that it starts, with MongoDB. Given paths of
// tests, it runs these.

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const STORES = ['test/own-data.ts', 'shared/store/mongo.ts']

const chosen = process.argv.slice(2)
const given = process.env['MONGODB_URL']
const server = given === undefined || given === '' ? await startMongoServer() : undefined
const { url, what } = server ?? { url: given, what: undefined }
const jest = spawn(
  'npm',
  ['run', '--silent', 'jest', '--', ...(chosen.length > 0 ? chosen : ['--findRelatedTests', ...STORES])],
  {
    cwd: ROOT,
    env: { ...process.env, TEST_MONGODB_URL: url, TEST_MONGODB_IS: what },
    stdio: 'inherit',
  },
)
const [code] = (await once(jest, 'exit')) as [number | null]
await server?.close()
process.exit(code ?? 1)
