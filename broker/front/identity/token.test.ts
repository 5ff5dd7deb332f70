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

// Tokens as Google, Entra, Cognito, Keycloak and Auth0 write them, signed with a key that is served over HTTP.

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

/** Signs claims as an issuer does, or a holder of a secret. */
const good = (): object => ({ sub: 's', aud: 'app', exp: Math.floor(Date.now() / 1000) + 3_600 })
const byIssuer = (claims: object, header: object = {}): string =>
  jwt.sign({ ...good(), ...claims }, privateKey, { header: { alg: 'RS256', kid: 'k', ...header } })
const SECRET = 'a secret of sixteen or more'
const bySecret = (claims: object, secret = SECRET): string => jwt.sign({ ...good(), ...claims }, secret)

/** Verifies a token against one issuer with these settings, and a secret. */
async function verified(settings: object, token: string, more: { secrets?: string[]; maxLength?: number } = {}) {
  const issuers = oidcIssuers.parse([{ jwks_uri, alias: 'a', ...settings }])
  const keys = issuers.map((one) => new IssuerKeys(one, dir, openLog('silent', 'test')))
  opened.push(...keys)
  const sources = {
    secrets: [SECRET],
    issuers: keys,
    clock: new TokenClock(),
    maxLength: 16_384,
    tolerance: 30,
    ...more,
  }
  return verifyToken(token, sources)
}

/** Verifies an issuer's token with these claims. */
function believed(settings: object, claims: object): Promise<Token> {
  return verified(settings, byIssuer(claims), { secrets: [] })
}

test('both names of one issuer mean the same user', async () => {
  const google = { issuer: ['https://accounts.google.com', 'accounts.google.com'], audience: 'app' }
  for (const iss of google.issuer) expect((await believed(google, { iss })).user).toBe('a:s')
  await expect(believed(google, { iss: 'https://accounts.google.com/' })).rejects.toThrow('only by a final slash')
})

test('each tenant of a pattern is an issuer of its own, and tid must match it', async () => {
  const entra = { issuer: ENTRA, audience: 'app', user_claim: 'oid' }
  const ids = await Promise.all(
    ['t1', 't2'].map(async (tid) => (await believed(entra, { iss: inEntra(tid), tid, oid: 'alice' })).user),
  )
  expect(ids).toEqual(['a:t1:alice', 'a:t2:alice'])
  await expect(believed(entra, { iss: inEntra('t1'), tid: 't2', oid: 'alice' })).rejects.toThrow(
    'tid differs from the tenant',
  )
  await expect(believed(entra, { iss: inEntra('t1'), oid: 'alice' })).rejects.toThrow('tid differs from the tenant')
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

test.each([
  ['ends', inEntra('t1').replace('v2.0', 'v1.0')],
  ['begins', inEntra('t1').replace('online.com', 'online.org')],
])('a pattern does not match an issuer that %s otherwise', async (_, iss) => {
  await expect(believed({ issuer: ENTRA, audience: 'app' }, { iss, tid: 't1' })).rejects.toThrow(
    'is not in OIDC_ISSUERS',
  )
})

test('where tenants are listed, any other is refused', async () => {
  const entra = { issuer: ENTRA, audience: 'app', tenants: ['t1'] }
  expect((await believed(entra, { iss: inEntra('t1'), tid: 't1' })).user).toBe('a:t1:s')
  await expect(believed(entra, { iss: inEntra('t2'), tid: 't2' })).rejects.toThrow('is not in OIDC_ISSUERS')
})

test('the audience may be in another claim, and is then read from that claim alone', async () => {
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

test('a claim path follows own properties only', () => {
  for (const path of [
    '__proto__.toString',
    'list.0',
    'list.length',
    '__proto__',
    'toString',
    'a.length',
    'a.b.constructor',
  ]) {
    expect(claimAt({ a: { b: {} }, list: ['x'] }, path)).toBeUndefined()
  }
  expect(claimAt({ a: { 'b.c': 1 }, 'a.b': { c: 2 } }, 'a.b.c')).toBe(1)
  expect(claimAt({ a: { b: {} }, 'a.b': { c: 2 } }, 'a.b.c')).toBe(2)
})

const ID = { issuer: 'https://id.example', audience: 'app' }
const ofId = (claims: object, header?: object): string => byIssuer({ iss: ID.issuer, ...claims }, header)
const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds

test.each<[what: string, token: () => string, reason: RegExp]>([
  ['an algorithm that is not its issuer’s', () => ofId({}, { alg: 'RS512', kid: 'unknown' }), /invalid algorithm$/],
  ['a key id that is not a string', () => ofId({}, { kid: 7 }), /kid is not a string$/],
  ['an empty subject', () => ofId({ sub: '' }), /sub must be a non-empty string$/],
  ['an exp in the past', () => ofId({ exp: inSeconds(-10) }), /jwt expired \d+ s ago$/],
  ['an nbf too far ahead', () => ofId({ nbf: inSeconds(60) }), /not active for another \d+ s \(nbf\)/],
  ['an iat too far ahead', () => ofId({ iat: inSeconds(60) }), /not active for another \d+ s \(iat\)/],
  ['a subject that begins with an alias', () => bySecret({ sub: 'a:s' }), /begins with the alias of another issuer$/],
  ['a list of issuers', () => byIssuer({ iss: [ID.issuer] }), /token: iss is not a string$/],
  [
    'an unknown issuer',
    () => byIssuer({ iss: 'https://else.example' }),
    /^token: issuer "https:\/\/else.example" is not in OIDC_ISSUERS$/,
  ],
  [
    'an unknown issuer and a wrong secret',
    () => bySecret({ iss: 'x' }, 'another secret'),
    /^token: invalid signature; issuer "x" is not in OIDC_ISSUERS$/,
  ],
  [
    'the issuer in another case',
    () => byIssuer({ iss: 'https://ID.example' }),
    /has "https:\/\/id.example", which differs only by/,
  ],
  [
    'the issuer with a final slash',
    () => byIssuer({ iss: 'https://id.example/' }),
    /has "https:\/\/id.example", which differs only by/,
  ],
  ['a long name for its issuer', () => byIssuer({ iss: 'x'.repeat(300) }), /issuer "x{200}…" is not/],
])('a token with %s is refused, and the log says so', async (_, token, reason) => {
  await expect(verified(ID, token())).rejects.toThrow(reason)
})

test('a token that names no configured issuer is verified with the secret, and refused without one', async () => {
  expect(await verified(ID, bySecret({}))).toMatchObject({ user: 's', isOperator: false })
  expect(await verified(ID, bySecret({ iss: 'https://else.example' }))).toMatchObject({ user: 's' })
  const none = verified(ID, bySecret({ iss: 'https://else.example' }), { secrets: [] })
  await expect(none).rejects.toThrow(/^token: issuer "https:\/\/else.example" is not in OIDC_ISSUERS$/)
  await expect(verified(ID, bySecret({ iss: ID.issuer }))).rejects.toThrow('invalid algorithm')
})

test('in a token signed with a secret the role is one string, and claims have their usual names', async () => {
  const settings = { ...ID, user_claim: 'oid', role_claim: 'roles', name_claim: 'nick' }
  const claims = { oid: 'o', roles: ['operator'], nick: 'Nick', role: 'user', name: 'Name' }
  const theirs = { user: 'a:o', isOperator: true, name: 'Nick' }
  expect(await verified(settings, ofId(claims))).toMatchObject(theirs)
  expect(await verified(settings, bySecret(claims))).toMatchObject({ user: 's', isOperator: false, name: 'Name' })
  expect(await verified(settings, bySecret({ role: 'operator' }))).toMatchObject({ isOperator: true })
  expect(await verified(settings, bySecret({ role: ['operator'] }))).toMatchObject({ isOperator: false })
})

test.each([
  ['x'.repeat(256), true],
  ['x'.repeat(257), false],
  ['', false],
  ['\ud800', false],
  ['a\u0007', false],
  [7, false],
])('the name %j is shown: %s', async (name, isShown) => {
  expect((await verified(ID, ofId({ name }))).name).toBe(isShown ? name : undefined)
})

test('accepts a token of the maximum length, and refuses a longer one', async () => {
  const token = bySecret({})
  expect(await verified(ID, token, { maxLength: token.length })).toMatchObject({ user: 's' })
  const longer = verified(ID, token, { maxLength: token.length - 1 })
  await expect(longer).rejects.toThrow(`longer than ${token.length - 1} characters (MAX_TOKEN_BYTES)`)
})

test('an issuer without further settings uses the standard claims', () => {
  const usual = { audience_claim: 'aud', user_claim: 'sub', role_claim: 'role', name_claim: 'name' }
  expect(oidcIssuers.parse([{ issuer: 'https://id.example' }])).toEqual([
    { issuer: ['https://id.example'], algorithms: ['RS256', 'ES256'], ...usual },
  ])
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
  [{ issuer: ENTRA, jwks_uri: 'https://k.example', tenants: ['a/b'] }, 'must be a tenant id'],
  [{ issuer: Array.from({ length: 21 }, (_, i) => `https://id${i}.example`) }, 'issuer'],
  [{ issuer: 'https://id.example', audience: [] }, 'audience'],
  [{ issuer: 'https://id.example', audience: '' }, 'audience'],
  [{ issuer: 'https://id.example', audience_claim: 'client_id' }, 'audience_claim'],
])('OIDC_ISSUERS of %j is refused with what is wrong', (settings, reason) => {
  const parsed = oidcIssuers.safeParse([settings])
  expect(parsed.error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join()).toContain(reason)
})

test.each([
  [
    'one name at two issuers',
    false,
    [
      { issuer: ['https://a.example', 'https://b.example'], alias: 'a' },
      { issuer: 'https://b.example', alias: 'b' },
    ],
    'names an issuer twice',
  ],
  [
    'one alias of two issuers',
    false,
    [
      { issuer: 'https://a.example', alias: 'a' },
      { issuer: 'https://b.example', alias: 'a' },
    ],
    'gives two issuers one alias',
  ],
  [
    'two issuers without alias',
    false,
    [{ issuer: 'https://a.example' }, { issuer: 'https://b.example' }],
    'all sources of tokens but one need an alias; SECRET is a source and has none',
  ],
  [
    'an issuer without alias beside a secret',
    true,
    [{ issuer: 'https://a.example' }],
    'all sources of tokens but one need an alias; SECRET is a source and has none',
  ],
  [
    'an issuer without alias, alone',
    false,
    [{ issuer: 'https://a.example' }, { issuer: 'https://b.example', alias: 'b' }],
    undefined,
  ],
])('%s: the start reports what is wrong, if anything', (_, hasSecret, settings, fault) => {
  expect(faultOfIssuers(oidcIssuers.parse(settings), hasSecret)).toBe(fault)
})
