import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import jwt from 'jsonwebtoken'
import { connectAsync } from 'mqtt'
import { tokenFor, type Device } from '../device.ts'
import { openStage, type Stage } from '../stage.ts'

// Mallory's tokens. Each is refused with "not authorized" and no more; the log says why, and holds no token.

const [FIRST, SECOND] = ['the secret that signs now', 'the secret of last month']
const lines: string[] = []
let stage: Stage
let alice: Device
beforeAll(async () => {
  stage = await openStage([], { SECRET: `${FIRST},${SECOND}` }, lines)
  alice = await stage.device('alice')
})
afterAll(() => stage.close())
beforeEach(() => {
  lines.length = 0
})
afterEach(async () => {
  expect(await alice.asks('whoami')).toMatchObject({ event: 'session_info', user_id: 'alice' }) // others are unaffected
})

const inAnHour = (): number => Math.floor(Date.now() / 1000) + 3600
const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token of any header and claims, signed with any key; a string is used as it is. */
function forged(
  claims: unknown,
  header: unknown = { alg: 'HS256', typ: 'JWT' },
  secret = FIRST,
  hash = 'sha256',
): string {
  const signed = `${encode(header)}.${encode(claims)}`
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`
}
const good = (more: object = {}): object => ({ sub: 'mallory', exp: inAnHour(), ...more })
const withHeader = (more: object): string => forged(good(), { alg: 'HS256', typ: 'JWT', ...more })
const withRawClaims = (claims: string): string => forged(claims)
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

const ATTACKS: [string, () => string, RegExp][] = [
  ['another secret', () => tokenFor('mallory', randomBytes(32).toString('hex')), /invalid signature/],
  ['alg none', () => `${encode({ alg: 'none' })}.${encode(good())}.`, /signature/],
  ['alg None, with a signature', () => forged(good(), { alg: 'None' }), /algorithm|signature/],
  ['HS384', () => jwt.sign(good(), FIRST, { algorithm: 'HS384' }), /invalid algorithm/],
  ['HS512', () => jwt.sign(good(), FIRST, { algorithm: 'HS512' }), /invalid algorithm/],
  ['RS256 with a key of her own', () => jwt.sign(good(), rsa.privateKey, { algorithm: 'RS256' }), /invalid algorithm/],
  [
    'her own key in its header',
    () => forged(good(), { alg: 'HS256', jwk: { kty: 'oct', k: 'bXk' } }, 'my'),
    /invalid signature/,
  ],
  [
    'a key to fetch in its header',
    () => forged(good(), { alg: 'HS256', jku: 'https://127.0.0.1:1/', x5u: 'https://127.0.0.1:1/' }, 'my'),
    /invalid signature/,
  ],
  ['a kid that is a path', () => forged(good(), { alg: 'HS256', kid: '../../../dev/null' }, ''), /invalid signature/],
  [
    'a kid that is a URL',
    () => forged(good(), { alg: 'HS256', kid: 'https://127.0.0.1:1/key' }, 'my'),
    /invalid signature/,
  ],
  [
    'a kid that is SQL',
    () => forged(good(), { alg: 'HS256', kid: "' UNION SELECT 'my' --" }, 'my'),
    /invalid signature/,
  ],
  ['a kid that is an object', () => forged(good(), { alg: 'HS256', kid: { x: 1 } }, 'my'), /invalid signature/],
  ['a demand we do not know', () => withHeader({ crit: ['exp'], exp: 1 }), /crit/],
  ['an empty demand', () => withHeader({ crit: [] }), /crit/],
  ['no end', () => forged({ sub: 'mallory' }), /exp is missing/],
  ['an end that has passed', () => forged(good({ exp: inAnHour() - 3700 })), /jwt expired/],
  ['a negative end', () => forged(good({ exp: -1 })), /jwt expired/],
  ['an end at 1e308', () => withRawClaims('{"sub":"mallory","exp":1e308}'), /ten years/],
  ['an end at 1e999', () => withRawClaims('{"sub":"mallory","exp":1e999}'), /exp/],
  ['an end in text', () => forged(good({ exp: String(inAnHour()) })), /exp/],
  ['an end that is null', () => forged(good({ exp: null })), /exp/],
  ['a beginning that is to come', () => forged(good({ nbf: inAnHour() })), /not active/],
  ['a beginning in 40 s', () => forged(good({ nbf: inAnHour() - 3560 })), /not active.*nbf.*CLOCK_TOLERANCE/],
  ['an issue in 40 s', () => forged(good({ iat: inAnHour() - 3560 })), /not active.*iat.*CLOCK_TOLERANCE/],
  ['an end 10 s ago', () => forged(good({ exp: inAnHour() - 3610 })), /jwt expired 1\d s ago/],
  ['a beginning in text', () => forged(good({ nbf: 'yesterday' })), /nbf/],
  ['a jti that is not a string', () => forged(good({ jti: 7 })), /jti/],
  ['a jti of 300 characters', () => forged(good({ jti: 'x'.repeat(300) })), /jti/],
  ['no subject', () => forged({ exp: inAnHour() }), /sub/],
  ['an empty subject', () => forged(good({ sub: '' })), /sub/],
  ['a number for a subject', () => forged(good({ sub: 7 })), /sub/],
  ['an object for a subject', () => forged(good({ sub: { toString: 'alice' } })), /sub/],
  ['a list for a subject', () => forged(good({ sub: ['alice'] })), /sub/],
  ['a subject of 10 kB', () => forged(good({ sub: 'x'.repeat(10_000) })), /sub is longer/],
  ['a subject of 600 characters', () => forged(good({ sub: 'x'.repeat(600) })), /sub is longer/],
  ['a subject that is too long when encoded', () => forged(good({ sub: '_'.repeat(500) })), /user id is longer/],
  ['a subject that is half a character', () => withRawClaims(`{"sub":"\\ud800","exp":${inAnHour()}}`), /Unicode/],
  ['more than 16 KB', () => forged(good({ more: 'x'.repeat(12_300) })), /token longer than 16384 .*MAX_TOKEN_BYTES/],
  ['claims that are not an object', () => forged('"alice"'), /not an object/],
  ['claims that are no JSON', () => forged('alice'), /malformed/],
  ['claims that are null', () => forged('null'), /malformed/],
  ['a header that is no JSON', () => forged(good(), 'alice'), /malformed/],
  ['a header that is null', () => forged(good(), 'null'), /malformed/],
  ['nothing', () => '', /malformed/],
  ['two dots', () => '..', /malformed/],
  ['noise', () => randomBytes(300).toString('base64url'), /malformed/],
  ['noise with dots', () => [1, 2, 3].map(() => randomBytes(50).toString('base64url')).join('.'), /token/],
]

test.each(ATTACKS)('a token with %s is refused; the log says why and shows nothing of it', async (_, make, reason) => {
  const token = make()
  for (const [protocolVersion, code] of [
    [4, 5],
    [5, 0x87],
  ] as const) {
    lines.length = 0
    const refused = connectAsync(
      stage.url,
      { protocolVersion, clientId: 'phone', ca: stage.ca, username: 'JWT', password: token, reconnectPeriod: 0 },
      false,
    )
    await expect(refused).rejects.toMatchObject({ code })
    const said = lines.map((line) => JSON.parse(line) as { msg: string; reason?: string })
    expect(said.filter(({ msg }) => msg === 'connect refused')).toEqual([
      expect.objectContaining({ reason: expect.stringMatching(reason), username: 'JWT', client: 'phone' }),
    ])
    for (const part of token.split('.')) if (part.length > 8) expect(lines.join('')).not.toContain(part.slice(0, 32))
    for (const secret of [FIRST, SECOND]) expect(lines.join('')).not.toContain(secret)
  }
})

test.each(['a/b', '#', '+', '__proto__', 'constructor', 'a_b', '$SYS'])(
  '%s is a user name like any other',
  async (sub) => {
    const device = await stage.device(sub, { token: tokenFor(sub, FIRST) })
    expect(await device.asks('whoami')).toMatchObject({ user_id: device.user })
  },
)

test('accepts a token of an issuer whose clock is 20 s ahead, and one that expired 2 s ago', async () => {
  const now = inAnHour() - 3600
  const ahead = await stage.device('bob', { token: tokenFor('bob', FIRST, { nbf: now + 20, iat: now + 20 }) })
  expect(await ahead.asks('whoami')).toMatchObject({ user_id: 'bob' })
  const past = { username: 'JWT', password: tokenFor('bob', FIRST, { exp: now - 2 }) }
  const late = await connectAsync(stage.url, { ...past, clientId: 'late', ca: stage.ca, reconnectPeriod: 0 }, false)
  await late.endAsync(true)
})

const LONG = (): string => tokenFor('bob', FIRST, { role: 'operator', groups: 'x'.repeat(12_080) })
test.each([
  ['password', () => ({}), (token: string) => ({ username: 'JWT', password: token })],
  ['header', (token: string) => ({ authorization: `Bearer ${token}` }), () => ({})],
  ['cookie', (token: string) => ({ cookie: `token=${token}` }), () => ({})],
  ['query', () => ({}), () => ({})],
])('a token of 300 groups logs in over WebSocket by its %s', async (by, headers, login) => {
  const token = LONG()
  expect(token.length).toBeGreaterThan(16_200) // with the other headers, beyond Node's default limit
  const url = by === 'query' ? `${stage.wss}?access_token=${token}` : stage.wss
  const wsOptions = { ca: stage.ca, headers: headers(token) }
  const mqtt = await connectAsync(url, { ...login(token), clientId: by, wsOptions, reconnectPeriod: 0 }, false)
  await mqtt.endAsync()
})

test('the same token logs in over TLS, refreshes a session, and opens the admin port', async () => {
  const token = LONG()
  const bob = await stage.device('bob', { token })
  expect(await bob.asks('refresh_session', { token })).toMatchObject({ event: 'session_refreshed' })
  const answer = await fetch(`${stage.admin}/api/dead-letters`, { headers: { authorization: `Bearer ${token}` } })
  expect(answer.status).toBe(200)
})

test('during a rotation, tokens of both secrets are valid', async () => {
  for (const secret of [FIRST, SECOND]) {
    const bob = await stage.device('bob', { token: tokenFor('bob', secret) })
    expect(await bob.asks('whoami')).toMatchObject({ user_id: 'bob' })
  }
})

test.each([
  ['a wrong username', { username: 'jwt' }, /username/],
  ['no password', { password: undefined }, /password/],
])('%s is refused too', async (_, wrong, reason) => {
  const login = { protocolVersion: 4, ca: stage.ca, username: 'JWT', password: tokenFor('bob', FIRST) } as const
  const { password, ...rest } = { ...login, ...wrong }
  const given = { ...rest, ...(password && { password }), reconnectPeriod: 0 }
  await expect(connectAsync(stage.url, given, false)).rejects.toMatchObject({ code: 5 })
  expect(lines.join('')).toMatch(reason)
  expect(lines.join('')).not.toContain(login.password.slice(0, 32))
})

test('a session ends when its token expires', async () => {
  const exp = Math.floor(Date.now() / 1000) + 8
  const endOf = async (version: 4 | 5): Promise<number | undefined> => {
    const bob = await stage.device('bob', { version, token: tokenFor('bob', FIRST, { exp }) })
    let reason: number | undefined
    bob.mqtt.once('disconnect', ({ reasonCode }) => (reason = reasonCode))
    await new Promise<void>((resolve) => bob.mqtt.once('close', () => resolve()))
    return reason
  }
  expect(await Promise.all([endOf(4), endOf(5)])).toEqual([undefined, 0x87])
  expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000 - 50)
  expect(Date.now()).toBeLessThan(exp * 1000 + 15_000)
})
