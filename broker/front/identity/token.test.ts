import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import jwt from 'jsonwebtoken'
import { openLog } from '../../../shared/log.ts'
import { faultOfIssuers, oidcIssuers } from '../../../shared/oidc-issuers.ts'
import type { Token } from '../../seam/session.ts'
import { claimAt } from './claims.ts'
import { IssuerKeys } from './issuer-keys.ts'
import { TokenClock } from './token-clock.ts'
import { verifyToken } from './token.ts'

// Tokens as Google, Entra, Cognito, Keycloak and Auth0 write them, signed with a key that is told over HTTP.

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const server = createServer((_, response) => {
  response
    .setHeader('connection', 'close')
    .end(JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), use: 'sig', kid: 'k' }] }))
})
const dir = mkdtempSync(join(tmpdir(), 'tokens-'))
const opened: IssuerKeys[] = []
let jwks_uri: string
beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  jwks_uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
})
afterAll(async () => {
  for (const keys of opened) await keys.close()
  server.close()
  rmSync(dir, { recursive: true })
})

const ENTRA = 'https://login.microsoftonline.com/{tenantid}/v2.0'
const inEntra = (tenant: string): string => ENTRA.replace('{tenantid}', tenant)

/** What becomes of a token with these claims where one issuer has these settings. */
async function believed(settings: object, claims: object): Promise<Token> {
  const issuers = oidcIssuers.parse([{ jwks_uri, alias: 'a', ...settings }])
  const keys = issuers.map((one) => new IssuerKeys(one, dir, openLog('silent', 'test')))
  opened.push(...keys)
  const sources = { secrets: [], issuers: keys, clock: new TokenClock(), maxLength: 16_384, tolerance: 30 }
  const good = { sub: 's', aud: 'app', exp: Math.floor(Date.now() / 1000) + 3_600 }
  return verifyToken(jwt.sign({ ...good, ...claims }, privateKey, { algorithm: 'RS256', keyid: 'k' }), sources)
}

test('both names of one issuer mean the same user', async () => {
  const google = { issuer: ['https://accounts.google.com', 'accounts.google.com'], audience: 'app' }
  for (const iss of google.issuer) expect((await believed(google, { iss })).user).toBe('a:s')
  await expect(believed(google, { iss: 'https://accounts.google.com/' })).rejects.toThrow('only by a final slash')
})

test('each tenant of a pattern is an issuer of its own, and the token must say the same tenant', async () => {
  const entra = { issuer: ENTRA, audience: 'app', user_claim: 'oid' }
  const ids = await Promise.all(
    ['t1', 't2'].map(async (tid) => (await believed(entra, { iss: inEntra(tid), tid, oid: 'alice' })).user),
  )
  expect(ids).toEqual(['a:t1:alice', 'a:t2:alice'])
  await expect(believed(entra, { iss: inEntra('t1'), tid: 't2', oid: 'alice' })).rejects.toThrow(
    'tid is not the tenant',
  )
  await expect(believed(entra, { iss: inEntra('t1'), oid: 'alice' })).rejects.toThrow('tid is not the tenant')
  await expect(believed(entra, { iss: inEntra('t1'), tid: 't1' })).rejects.toThrow('oid must be a non-empty string')
})

test.each(['', 'a/b', '..', '.', 'a%2fb', 'a\n', 'tenant?x', '{tenantid}', 'x'.repeat(200)])(
  'a pattern takes no %j for a tenant',
  async (tid) => {
    await expect(believed({ issuer: ENTRA, audience: 'app' }, { iss: inEntra(tid), tid })).rejects.toThrow(
      'is not in OIDC_ISSUERS',
    )
  },
)

test('where tenants are listed, another is not known', async () => {
  const entra = { issuer: ENTRA, audience: 'app', tenants: ['t1'] }
  expect((await believed(entra, { iss: inEntra('t1'), tid: 't1' })).user).toBe('a:t1:s')
  await expect(believed(entra, { iss: inEntra('t2'), tid: 't2' })).rejects.toThrow('is not in OIDC_ISSUERS')
})

test('the audience may stand in another claim, and is then asked of no other', async () => {
  const cognito = { issuer: 'https://cognito.example', audience: ['app', 'app2'], audience_claim: 'client_id' }
  const iss = cognito.issuer
  expect((await believed(cognito, { iss, aud: 'else', client_id: 'app2' })).user).toBe('a:s')
  await expect(believed(cognito, { iss, client_id: 'another' })).rejects.toThrow('client_id must hold app or app2')
  await expect(believed(cognito, { iss, aud: 'app' })).rejects.toThrow('client_id must hold')
})

test.each([
  ['role', { role: 'operator' }, true],
  ['role', { role: 'Operator' }, false],
  ['realm_access.roles', { realm_access: { roles: ['user', 'operator'] } }, true],
  ['realm_access.roles', { realm_access: { roles: ['user'] } }, false],
  ['realm_access.roles', { 'realm_access.roles': 'user', realm_access: { roles: ['operator'] } }, false],
  ['https://app.example/roles', { 'https://app.example/roles': ['operator'] }, true],
  ['resource_access.my.app.roles', { resource_access: { 'my.app': { roles: 'operator' } } }, true],
  ['roles', { roles: { operator: true } }, false],
  ['roles', { roles: [['operator']] }, false],
  ['constructor.name', {}, false],
])('the role in %s of %j makes an operator: %s', async (role_claim, claims, isOperator) => {
  const settings = { issuer: 'https://id.example', audience: 'app', role_claim }
  expect(await believed(settings, { iss: 'https://id.example', ...claims })).toMatchObject({ isOperator })
})

test('a path leads to what an object has itself', () => {
  for (const path of ['__proto__', 'toString', 'a.length', 'a.b.constructor']) {
    expect(claimAt({ a: { b: {} } }, path)).toBeUndefined()
  }
  expect(claimAt({ a: { 'b.c': 1 }, 'a.b': { c: 2 } }, 'a.b.c')).toBe(1)
})

test.each([
  [{ issuer: [] }, 'issuer'],
  [{ issuer: 'not a name' }, 'http'],
  [{ issuer: 'accounts.google.com' }, 'jwks_uri or discovery'],
  [{ issuer: ENTRA }, 'jwks_uri or discovery'],
  [{ issuer: 'https://{tenantid}.example/', jwks_uri: 'https://k.example' }, 'whole segment'],
  [{ issuer: 'https://id.example/x{tenantid}', jwks_uri: 'https://k.example' }, 'whole segment'],
  [{ issuer: [ENTRA, 'https://id.example'], jwks_uri: 'https://k.example' }, 'all of its names'],
  [{ issuer: 'https://id.example', tenants: ['t'] }, '{tenantid}'],
  [{ issuer: 'https://id.example', audience_claim: 'client_id' }, 'audience_claim'],
])('OIDC_ISSUERS with %j says what is wrong', (settings, reason) => {
  const parsed = oidcIssuers.safeParse([settings])
  expect(parsed.error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join()).toContain(reason)
})

test('one name at two issuers is told', () => {
  const two = oidcIssuers.parse([
    { issuer: ['https://a.example', 'https://b.example'], alias: 'a' },
    { issuer: 'https://b.example', alias: 'b' },
  ])
  expect(faultOfIssuers(two, false)).toBe('names an issuer twice')
})
