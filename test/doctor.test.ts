import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { generate } from 'selfsigned'
import { checkCertificate } from '../scripts/doctor/certificate.ts'
import { checkEngines } from '../scripts/doctor/engines.ts'
import type { Finding } from '../scripts/doctor/finding.ts'
import { readConfig } from '../shared/config.ts'
import { freePorts } from './free-port.ts'
import { Run } from './process.ts'

// npm run doctor: what is wrong is found, and nothing else is.

let dir: string
let env: Record<string, string>
const opened: Server[] = []
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'switchboard-'))
  env = { DATA_DIR: join(dir, 'data'), ...(await freePorts()) }
})
afterEach(async () => {
  for (const server of opened.splice(0)) await new Promise((resolve) => server.close(resolve))
  rmSync(dir, { recursive: true })
})

/** What the doctor finds; its exit code must fit. */
async function found(more: Record<string, string> = {}): Promise<Finding[]> {
  const run = new Run(['scripts/doctor.ts', '--json'], { env: { ...env, ...more } })
  const code = await run.ended
  expect(run.stderr).toBe('')
  const all = JSON.parse(run.stdout) as Finding[]
  expect(code).toBe(all.some(({ state }) => state === 'wrong') ? 1 : 0)
  return all
}
const wrongIn = (all: readonly Finding[]): string[] =>
  all.filter(({ state }) => state === 'wrong').map(({ area, text }) => `${area}: ${text}`)

async function listens(server: Server): Promise<number> {
  opened.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A certificate's files, as settings. */
async function certificate(days: { from: number; until: number }, key?: string): Promise<Record<string, string>> {
  const at = (day: number): Date => new Date(Date.now() + day * 86_400_000)
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    notBeforeDate: at(days.from),
    notAfterDate: at(days.until),
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'board.example.com' }] }],
  })
  const files = { TLS_CERT: join(dir, 'cert.pem'), TLS_KEY: join(dir, 'key.pem') }
  writeFileSync(files.TLS_CERT, made.cert)
  writeFileSync(files.TLS_KEY, key ?? made.private, { mode: 0o600 })
  return files
}
const ofCertificate = async (settings: Record<string, string>) => wrongIn(await checkCertificate(readConfig(settings)))

test('on a fresh machine nothing is wrong, and it says so in words', async () => {
  expect(wrongIn(await found())).toEqual([])
  const run = new Run(['scripts/doctor.ts'], { env })
  expect(await run.ended).toBe(0)
  expect(run.stdout).toMatch(/^ok {6}settings: [^]*^ok {6}engines: lmdb works$[^]*^nothing is wrong$/m)
})

test('settings: each wrong one by its name, and those that production needs', async () => {
  expect(wrongIn(await found({ MQTTS_PORT: '70000', SECRET: 'short' }))).toEqual([
    expect.stringMatching(/^settings: MQTTS_PORT: /),
    expect.stringMatching(/^settings: SECRET: /),
  ])
  expect(wrongIn(await found({ NODE_ENV: 'production' }))).toEqual([
    'settings: SECRET: must be set when NODE_ENV=production',
  ])
})

test('certificate: ended, not valid yet, about to end, of another key, not for the name that handlers use', async () => {
  expect(await ofCertificate(await certificate({ from: -20, until: -10 }))).toEqual([
    expect.stringMatching(/^certificate: it ended on .*: clients refuse it$/),
  ])
  expect(await ofCertificate(await certificate({ from: 5, until: 90 }))).toEqual([
    expect.stringMatching(/^certificate: it is valid from /),
  ])
  const good = await certificate({ from: -1, until: 90 })
  expect(await ofCertificate(good)).toEqual([])
  expect(await ofCertificate({ ...good, BROKER_URL: 'mqtts://board.example.com' })).toEqual([])
  expect(await ofCertificate({ ...good, BROKER_URL: 'mqtts://10.1.2.3:8883' })).toEqual([
    expect.stringContaining('it is not for 10.1.2.3'),
  ])
  const soon = await checkCertificate(readConfig(await certificate({ from: -1, until: 10 })))
  expect(soon[0]).toMatchObject({ state: 'warning', text: expect.stringMatching(/^it ends in 9 days/) })
  const { private: otherKey } = await generate([{ name: 'commonName', value: 'x' }], { keyType: 'ec' })
  expect(await ofCertificate(await certificate({ from: -1, until: 90 }, otherKey))).toEqual([
    expect.stringContaining('does not belong to the certificate'),
  ])
  expect(await ofCertificate({ TLS_CERT: join(dir, 'none.pem'), TLS_KEY: join(dir, 'none.pem') })).toEqual([
    expect.stringContaining('it does not exist (ENOENT)'),
  ])
})

test('ports: in use by another program', async () => {
  const port = await listens(createServer())
  expect(wrongIn(await found({ WSS_PORT: String(port) }))).toEqual([
    `ports: WSS_PORT: 127.0.0.1:${port} is in use by another program`,
  ])
  expect(wrongIn(await found({ HOST: '192.0.2.1' }))).toEqual([
    expect.stringContaining('cannot listen there (EADDRNOTAVAIL)'),
    expect.stringContaining('cannot listen there (EADDRNOTAVAIL)'),
  ])
})

test('permissions: files that others can read, and a folder that cannot be one', async () => {
  mkdirSync(join(dir, 'data'))
  writeFileSync(join(dir, 'data', 'handlers.db'), '')
  chmodSync(join(dir, 'data', 'handlers.db'), 0o644)
  expect(wrongIn(await found())).toEqual([
    expect.stringMatching(/^disk: other users can read or write .*handlers\.db$/),
  ])
  writeFileSync(join(dir, 'file'), '')
  expect(wrongIn(await found({ DATA_DIR: join(dir, 'file') }))).toEqual([expect.stringContaining('is a file')])
})

test('engines: an old Node, and engines that cannot be loaded', async () => {
  expect(wrongIn(await checkEngines('18.20.0'))).toEqual(['engines: Node 18.20.0 is too old'])
  const lacking = await checkEngines('24.21.0', (name) => `no-such-package-${name}`)
  expect(wrongIn(lacking)).toEqual([
    expect.stringMatching(/^engines: libsql does not work: .*no-such-package-libsql/),
    expect.stringMatching(/^engines: lmdb does not work: .*no-such-package-lmdb/),
  ])
})

test('issuers and clock: one that is away, one that answers nonsense, and one whose clock is an hour ahead', async () => {
  const answer = (body: object, ahead = 0) =>
    listens(
      createHttpServer((_, response) => {
        response.setHeader('date', new Date(Date.now() + ahead).toUTCString())
        response.end(JSON.stringify(body))
      }),
    )
  const of = (port: number) => ({
    OIDC_ISSUERS: JSON.stringify([{ issuer: `http://127.0.0.1:${port}`, audience: 'us' }]),
  })
  expect(wrongIn(await found(of(await answer({ jwks_uri: 'http://x' }))))).toEqual([])
  expect(wrongIn(await found(of(await answer({ hello: 'world' }))))).toEqual([
    expect.stringContaining('is neither a key set nor a discovery document'),
  ])
  expect(wrongIn(await found(of(await answer({ keys: [] }, 3_600_000))))).toEqual([
    expect.stringMatching(/^clock: this clock is (3599|3600|3601) s behind that of an issuer/),
  ])
  const port = Number((await freePorts()).MQTTS_PORT)
  expect(wrongIn(await found(of(port)))).toEqual([expect.stringContaining('(ECONNREFUSED)')])
})

test('MongoDB that is away is told without its credentials', async () => {
  const port = Number((await freePorts()).MQTTS_PORT)
  const wrong = wrongIn(await found({ MONGODB_URL: `mongodb://ann:hunter2@127.0.0.1:${port}/x` }))
  expect(wrong).toEqual([expect.stringMatching(/^mongodb: cannot be reached: .*ECONNREFUSED/)])
  expect(wrong[0]).not.toContain('hunter2')
}, 30_000)
