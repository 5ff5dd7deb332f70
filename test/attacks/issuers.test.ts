import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import jwt from 'jsonwebtoken'
import { Issuer } from '../oidc-issuer.ts'
import { openStage, type Stage } from '../stage.ts'

// Mallory's tokens in the name of trusted issuers. Only the log tells what is wrong with one.

const AUDIENCES = ['urn:switchboard:RS256', 'urn:switchboard:ES256']
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
  stage = await openStage([], { OIDC_ISSUERS: JSON.stringify(issuers) }, lines)
  stage.keep(main)
  stage.keep(other)
})
afterAll(() => stage.close())
beforeEach(() => {
  lines.length = 0
})

async function refused(token: string, reason: RegExp, on: Stage = stage): Promise<void> {
  await expect(on.device('main:alice', { token })).rejects.toMatchObject({ code: 0x87 })
  const said = lines.map((line) => JSON.parse(line) as { msg: string; reason?: string })
  const last = said.findLast(({ msg }) => msg === 'connect refused')
  expect(last).toMatchObject({ reason: expect.stringMatching(reason) })
  expect(lines.join('')).not.toContain(token.slice(0, 40))
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const { publicKey: mainsKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const claims = (more: object = {}): object => ({
  iss: main.url,
  aud: AUDIENCES[0],
  sub: 'alice',
  exp: Math.floor(Date.now() / 1000) + 3600,
  ...more,
})
const FORGED: [string, () => string | Promise<string>, RegExp][] = [
  ['signed with our secret in the name of the issuer', () => jwt.sign(claims(), stage.secret), /invalid algorithm/],
  [
    'HS256, signed with an RSA public key',
    () =>
      jwt.sign(claims(), mainsKey.export({ type: 'spki', format: 'pem' }), {
        keyid: `${main.kids.at(-1)}-RS256`,
        allowInsecureKeySizes: true,
      } as jwt.SignOptions),
    /invalid algorithm/,
  ],
  ['RS256 of an issuer that is to use ES256', () => other.tokenOf('alice', 'RS256'), /invalid algorithm/],
  [
    "signed by one issuer in the other's name",
    async () => {
      const token = await other.tokenOf('alice', 'ES256')
      const [header, payload, signature] = token.split('.')
      const said = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as object
      return [header, Buffer.from(JSON.stringify({ ...said, iss: main.url })).toString('base64url'), signature].join(
        '.',
      )
    },
    /has no key|signature/,
  ],
  [
    'her own key under a known key id',
    () => jwt.sign(claims(), privateKey, { algorithm: 'RS256', keyid: `${main.kids.at(-1)}-RS256` }),
    /invalid signature/,
  ],
  [
    'an unknown issuer',
    () => jwt.sign(claims({ iss: 'https://evil.example' }), privateKey, { algorithm: 'RS256', keyid: 'x' }),
    /issuer "https:\/\/evil.example" is not in OIDC_ISSUERS$/,
  ],
  [
    'an unknown issuer, with a wrong secret',
    () => jwt.sign(claims({ iss: 'https://evil.example' }), 'a secret of her own'),
    /invalid signature; issuer "https:\/\/evil.example" is not in OIDC_ISSUERS$/,
  ],
  [
    'a known issuer with an added final slash',
    () => jwt.sign(claims({ iss: `${main.url}/` }), privateKey, { algorithm: 'RS256', keyid: 'x' }),
    /not in OIDC_ISSUERS; OIDC_ISSUERS has "http:\/\/127.0.0.1:\d+", which differs only by a final slash or by case$/,
  ],
  [
    'an issuer whose name is long and holds control characters',
    () => jwt.sign(claims({ iss: `\n\u202e${'x'.repeat(5_000)}` }), privateKey, { algorithm: 'RS256', keyid: 'x' }),
    /issuer "\\u\{a\}\\u\{202e\}x{198}…" is not/,
  ],
  [
    'a list of issuers',
    () => jwt.sign(claims({ iss: [main.url] }), privateKey, { algorithm: 'RS256' }),
    /iss is not a string/,
  ],
  [
    'alg none',
    () =>
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims())).toString('base64url')}.`,
    /invalid algorithm/,
  ],
]
test.each(FORGED)('a token that is %s is refused', async (_, make, reason) => {
  await refused(await make(), reason)
})

test('a token for another audience is refused', async () => {
  const strict = await openStage(
    [],
    { OIDC_ISSUERS: JSON.stringify([{ issuer: main.url, audience: 'urn:elsewhere', alias: 'main' }]) },
    lines,
  )
  try {
    await refused(await main.tokenOf('alice'), /audience/, strict)
  } finally {
    await strict.close()
  }
})
