import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startMongoServer } from '../test/mongo-server.ts'

// npm run test:mongo: the tests that use handlers' data, with MongoDB under the handlers. The last lines say which server it was.

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Those that open a store, directly or through the processes that they start. */
const TESTS = [
  '^shared/store/(?!sqlite|open|turn)',
  '^handlers/',
  '^test/(?:commands|crash-points|data|dead-letters|durability|handler-keys|inbox|interrupted|planes|scaling|scenarios)\\.test',
  '^test/attacks/(?:authority|handlers|leaks|payloads)\\.test',
]

const given = process.env['MONGODB_URL']
const server = given === undefined || given === '' ? await startMongoServer() : undefined
const url = server?.url ?? given!
const patterns = TESTS.map((pattern) => pattern.replace('^', `^${ROOT}`))
const jest = spawn('npm', ['run', '--silent', 'jest', '--', ...patterns, ...process.argv.slice(2)], {
  cwd: ROOT,
  env: { ...process.env, TEST_MONGODB_URL: url },
  stdio: 'inherit',
})
const [code] = (await once(jest, 'exit')) as [number | null]
await server?.close()
console.log(`The server was ${server?.what ?? 'the one of MONGODB_URL'}.`)
process.exit(code ?? 1)
