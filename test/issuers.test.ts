import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import jwt from 'jsonwebtoken'
import { connectAsync } from 'mqtt'
import { Issuer, type Algorithm } from './oidc-issuer.ts'
import { Parts } from './parts.ts'
import { openStage, type Stage } from './stage.ts'
import { tokenFor, type Device } from './device.ts'

// Tokens of real OpenID Connect issuers, next to those signed with our own secret.

const AUDIENCES = (['RS256', 'ES256'] as const).map((algorithm) => `urn:switchboard:${algorithm}`)
const lines: string[] = []
let main: Issuer
let other: Issuer
let stage: Stage

beforeAll(async () => {
  main = await Issuer.open()
  other = await Issuer.open()
  const issuers = [
    { issuer: main.url, audience: AUDIENCES, alias: 'main' },
    { issuer: other.url, jwks_uri: `${other.url}/jwks`, audience: AUDIENCES, alias: 'other', algorithms: ['ES256'] },
  ]
  stage = await openStage('contacts', { OIDC_ISSUERS: JSON.stringify(issuers) }, lines)
  stage.keep(main)
  stage.keep(other)
})
afterAll(() => stage.close())
beforeEach(() => {
  lines.length = 0
})

const arrives = (token: string, on: Stage = stage): Promise<Device> => on.device('main:alice', { token })
const inAnHour = (): number => Math.floor(Date.now() / 1000) + 3600

async function refused(token: string, reason: RegExp, on: Stage = stage): Promise<void> {
  await expect(arrives(token, on)).rejects.toMatchObject({ code: 0x87 })
  const said = lines.map((line) => JSON.parse(line) as { msg: string; reason?: string })
  const last = said.findLast(({ msg }) => msg === 'connect refused')
  expect(last).toMatchObject({ reason: expect.stringMatching(reason) })
  expect(lines.join('')).not.toContain(token.slice(0, 40))
}

test.each<Algorithm>(['RS256', 'ES256'])('a token that the issuer signs with %s is accepted', async (algorithm) => {
  const alice = await arrives(await main.tokenOf('alice', algorithm))
  expect(await alice.asks('whoami')).toMatchObject({ user_id: 'main:alice' })
  expect(await alice.asks('get_contact_list')).toMatchObject({ event: 'contact_list' })
})

test('the same subject at two issuers and with a secret are three users', async () => {
  const ids = await Promise.all(
    [await main.tokenOf('alice'), await other.tokenOf('alice', 'ES256'), tokenFor('alice', stage.secret)].map(
      async (token, i) => {
        const device = await stage.device(['main:alice', 'other:alice', 'alice'][i]!, { token })
        return (await device.asks('whoami'))['user_id']
      },
    ),
  )
  expect(ids).toEqual(['main:alice', 'other:alice', 'alice'])
})

test('a source without an alias cannot sign a subject that begins with another’s alias', async () => {
  await refused(tokenFor('main:alice', stage.secret), /alias of another issuer/)
  const mainly = await stage.device('mainly:alice', { token: tokenFor('mainly:alice', stage.secret) })
  expect(await mainly.asks('whoami')).toMatchObject({ user_id: 'mainly:alice' })
})

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const claims = (more: object = {}): object => ({
  iss: main.url,
  aud: AUDIENCES[0],
  sub: 'alice',
  exp: inAnHour(),
  ...more,
})
test('unknown key ids cause one fetch in 30 seconds: a rotation works, a flood of key ids does not', async () => {
  const issuer = stage.keep(await Issuer.open())
  const settings = { OIDC_ISSUERS: JSON.stringify([{ issuer: issuer.url, audience: AUDIENCES, alias: 'main' }]) }
  const own = stage.keep(await openStage([], settings, lines))
  await arrives(await issuer.tokenOf('alice'), own)
  issuer.rotate()
  const before = issuer.asked
  await arrives(await issuer.tokenOf('alice'), own)
  expect(issuer.asked).toBe(before + 1)
  const flood = Array.from({ length: 20 }, (_, i) => {
    const token = jwt.sign(claims({ iss: issuer.url }), privateKey, { algorithm: 'RS256', keyid: `forged-${i}` })
    return expect(arrives(token, own)).rejects.toMatchObject({ code: 0x87 })
  })
  await Promise.all(flood)
  expect(issuer.asked).toBe(before + 1)
})

test('an issuer with an internal discovery address is asked there, and trusted by its public name alone', async () => {
  const issuer = stage.keep(await Issuer.open())
  const inner = { issuer: 'https://id.example.com', discovery: `${issuer.url}/.well-known/openid-configuration` }
  const own = stage.keep(await openStage([], { OIDC_ISSUERS: JSON.stringify([{ ...inner, alias: 'main' }]) }, lines))
  await refused(await issuer.tokenOf('alice'), /issuer "http:.*" is not in OIDC_ISSUERS/, own)
  while (issuer.asked === 0) await new Promise((resolve) => setTimeout(resolve, 10)) // it is asked at the start
  expect(issuer.asked).toBe(1)
  expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
    expect.objectContaining({ issuer: 'https://id.example.com', told: `"${issuer.url}"` }),
  )
})

test('settings choose the claims for the user, their roles and the audience', async () => {
  const issuer = stage.keep(await Issuer.open())
  issuer.rotate({
    oid: 'object-1',
    name: 'Alice A.',
    realm_access: { roles: ['user', 'operator'] },
    'https://app.example/roles': ['user'],
  })
  const settings = {
    issuer: ['accounts.example.com', issuer.url],
    jwks_uri: `${issuer.url}/jwks`,
    audience: 'alice',
    audience_claim: 'client_id',
    user_claim: 'oid',
    role_claim: 'realm_access.roles',
    alias: 'main',
  }
  const own = stage.keep(await openStage([], { OIDC_ISSUERS: JSON.stringify([settings]) }, lines))
  const token = await issuer.tokenOf('alice')
  const alice = await own.device('main:object-1', { token })
  expect(await alice.asks('whoami')).toMatchObject({ user_id: 'main:object-1', name: 'Alice A.' })
  expect(await alice.asks('kick_user', { user_id: 'nobody' })).toMatchObject({ event: 'user_kicked' })
  await refused(await issuer.tokenOf('bob'), /invalid audience: client_id must hold alice/, own)

  const namespaced = { ...settings, role_claim: 'https://app.example/roles' }
  const other = stage.keep(await openStage([], { OIDC_ISSUERS: JSON.stringify([namespaced]) }, lines))
  const same = await other.device('main:object-1', { token })
  expect(await same.asks('kick_user', { user_id: 'nobody' })).toMatchObject({ code: 'forbidden' })
})

test('keys stay valid while their issuer is down, across a restart too, and /readyz says so', async () => {
  const issuer = stage.keep(await Issuer.open())
  const settings = { OIDC_ISSUERS: JSON.stringify([{ issuer: issuer.url, audience: AUDIENCES, alias: 'main' }]) }
  const parts = stage.keep(await Parts.open({ ...settings, LOG_LEVEL: 'warn' }))
  const comes = async (token: string): Promise<void> => {
    await (await parts.device('main:alice', { token })).leaves()
  }
  const known = await issuer.tokenOf('alice')
  await comes(known)
  const faults = async () => (await parts.readyz()).filter((line) => line.includes(' issuer '))
  expect(await faults()).toEqual([])
  await issuer.leaves()
  await comes(known)
  const unknown = jwt.sign(claims({ iss: issuer.url }), privateKey, { algorithm: 'RS256', keyid: 'new' })
  await expect(comes(unknown)).rejects.toMatchObject({ code: 0x87 })
  expect(await faults()).toHaveLength(1)

  await parts.killBroker()
  await parts.startBroker()
  await comes(known)
  await expect(comes(unknown)).rejects.toMatchObject({ code: 0x87 })
  expect(await faults()).toEqual([`cannot fetch the keys of issuer ${issuer.url}; its last ones stay valid for a day`])
})

test.each([
  ['header', (token: string) => ({ headers: { authorization: `Bearer ${token}` } })],
  ['cookie', (token: string) => ({ headers: { cookie: `theme=dark; token=${token}` } })],
  ['query', (token: string) => ({ query: `?access_token=${encodeURIComponent(token)}` })],
] as const)('a WebSocket may carry the token in its %s, and no log line shows it', async (_, carry) => {
  const token = await main.tokenOf('bob')
  const { headers, query = '' } = carry(token) as { headers?: Record<string, string>; query?: string }
  const mqtt = await connectAsync(
    `${stage.wss}${query}`,
    { clientId: 'web', ca: stage.ca, wsOptions: { headers, ca: stage.ca }, reconnectPeriod: 0, protocolVersion: 5 },
    false,
  )
  await mqtt.endAsync()
  const said = lines.map((line) => JSON.parse(line) as { msg: string; session?: string })
  expect(said).toContainEqual(expect.objectContaining({ msg: 'connected', session: 'main:bob/web' }))
  for (const part of token.split('.')) expect(lines.join('')).not.toContain(part.slice(0, 24))

  await expect(
    connectAsync(
      `${stage.wss}?token=forged.token.here`,
      { ca: stage.ca, wsOptions: { ca: stage.ca }, reconnectPeriod: 0, protocolVersion: 5 },
      false,
    ),
  ).rejects.toMatchObject({ code: 0x87 })
  expect(lines.join('')).not.toContain('forged')
})

test('a token in the CONNECT takes precedence over one in the WebSocket’s request', async () => {
  const [bob, carol] = [await main.tokenOf('bob'), await main.tokenOf('carol')]
  const device = await stage.device('main:carol', {
    over: 'wss',
    token: carol,
    mqtt: { wsOptions: { ca: stage.ca, headers: { cookie: `token=${bob}` } } },
  })
  expect(await device.asks('whoami')).toMatchObject({ user_id: 'main:carol' })
})
