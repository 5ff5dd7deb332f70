import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { openLog } from '../../../shared/log.ts'
import { oidcIssuers } from '../../../shared/oidc-issuers.ts'
import { IssuerKeys } from './issuer-keys.ts'

// How an issuer's keys are fetched; test/issuers.test.ts tries them against a real provider.

const [OLD, NEW] = ['old', 'new'].map((kid) => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...publicKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid }
})

const asked: ServerResponse[] = []
const server = createServer((_, response) => {
  asked.push(response)
  server.emit('asked')
})
let keys: IssuerKeys
let dir: string
beforeEach(async () => {
  asked.length = 0
  dir = mkdtempSync(join(tmpdir(), 'keys-'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const [settings] = oidcIssuers.parse([{ issuer, jwks_uri: `${issuer}/jwks`, audience: ['a'], alias: 'main' }])
  keys = new IssuerKeys(settings!, dir, openLog('silent', 'test'))
})
afterEach(async () => {
  await keys.close()
  server.close()
  rmSync(dir, { recursive: true })
})

/** The response to the nth request, counted from 1; waits for the request. */
async function answers(number: number, ...told: unknown[]): Promise<void> {
  while (asked.length < number) await once(server, 'asked')
  asked[number - 1]!.setHeader('connection', 'close').end(JSON.stringify({ keys: told }))
}

test('a key newer than the fetch in progress causes one more fetch, shared by all tokens that need it', async () => {
  const wanted = [keys.keyOf('new'), keys.keyOf('new'), keys.keyOf('old')]
  await answers(1, OLD)
  await answers(2, OLD, NEW)
  const [first, second, old] = await Promise.all(wanted)
  expect(first).toMatch(/^-----BEGIN PUBLIC KEY-----/)
  expect(second).toBe(first)
  expect(old).not.toBe(first)
  await expect(keys.keyOf('forged')).rejects.toThrow('has no key with this id')
  expect(asked).toHaveLength(2)
})

test('tokens that wait for an unreachable issuer do not cause another fetch at once', async () => {
  const refused = expect(keys.keyOf('new')).rejects.toThrow('has no key with this id')
  while (asked.length < 1) await once(server, 'asked')
  asked[0]!.destroy()
  await refused
  expect(asked).toHaveLength(1)
})

test.each([
  ['one of the names set', ['https://id.example', 'https://old.example'], 'https://old.example', undefined],
  ['another', ['https://id.example'], 'https://id.example/', '"https://id.example/"'],
  ['nobody', ['https://id.example'], undefined, undefined],
])('a discovery document that names %s as its issuer', async (_, issuer, told, warned) => {
  const inner = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const [settings] = oidcIssuers.parse([{ issuer, discovery: `${inner}/discovery`, alias: 'other' }])
  const lines: string[] = []
  const other = new IssuerKeys(settings!, dir, openLog('warn', 'test', { write: (line) => void lines.push(line) }))
  const wanted = other.keyOf('old')
  const to = async (path: string): Promise<ServerResponse> => {
    for (;;) {
      const found = asked.find(({ req }) => req.url === path)
      if (found) return found.setHeader('connection', 'close')
      await once(server, 'asked')
    }
  }
  ;(await to('/discovery')).end(JSON.stringify({ issuer: told, jwks_uri: `${inner}/keys` }))
  ;(await to('/keys')).end(JSON.stringify({ keys: [OLD] }))
  await wanted
  await other.close()
  expect(lines.map((line) => (JSON.parse(line) as { told?: string }).told)).toEqual(
    warned === undefined ? [] : [warned],
  )
  asked[0]!.destroy() // the request of the issuer that each test has
})

test('fetches discovery below an issuer name that ends with a slash', async () => {
  const inner = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const [settings] = oidcIssuers.parse([{ issuer: `${inner}/`, alias: 'other' }])
  const other = new IssuerKeys(settings!, dir, openLog('silent', 'test'))
  while (asked.length < 2) await once(server, 'asked')
  expect(asked.map(({ req }) => req.url)).toContain('/.well-known/openid-configuration')
  for (const response of asked) response.destroy()
  await other.close()
})
