// @needs coturn
import { createHmac } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readConfig } from '../shared/config.ts'
import { tlsFiles } from '../shared/dev-secrets.ts'
import type { Closable } from '../shared/shutdown.ts'
import {
  databaseOption,
  LOOPBACK_PEERS,
  openCoturn,
  readsMongo,
  relay,
  turnadmin,
  type Coturn,
  type Login,
} from './coturn.ts'
import type { Device } from './device.ts'
import { startMongoServer } from './mongo-server.ts'
import { ownDatabase } from './own-data.ts'
import { Parts } from './parts.ts'
import { REAL_PARTS } from './real-parts.ts'
import { openStage, type Stage } from './stage.ts'
import { openRelay, overTls, overUdp } from './turn-client.ts'

// The credentials that the platform issues, tried at a real coturn with the configuration that we ship.

const [SECRET, NEXT] = ['a-secret-of-the-tests', 'the-secret-after-it']
const ANYWHERE = '9.9.9.9' // no packet is sent there
const opened: Closable[] = []
const folder = mkdtempSync(join(tmpdir(), 'coturn-'))
let coturn: Coturn
let stage: Stage
let alice: Device
beforeAll(async () => {
  const { TLS_CERT: cert, TLS_KEY: key } = await certificate()
  const secrets = [SECRET, NEXT].map((secret) => `--static-auth-secret=${secret}`)
  coturn = keep(await openCoturn(folder, [...LOOPBACK_PEERS, ...secrets, `--cert=${cert}`, `--pkey=${key}`]))
  const TURN_URIS = `stun:127.0.0.1:${coturn.port},turn:127.0.0.1:${coturn.port}`
  stage = keep(await openStage('turn', { TURN_URIS, TURN_SECRET: SECRET }))
  alice = await stage.device('alice')
})
afterAll(async () => {
  for (const one of opened.toReversed()) await one.close()
  rmSync(folder, { recursive: true })
})

function keep<T extends Closable>(one: T): T {
  opened.push(one)
  return one
}

/** Files of a certificate for localhost and its key. */
async function certificate() {
  await tlsFiles(readConfig({ DATA_DIR: folder }))
  return { TLS_CERT: join(folder, 'dev/tls-cert.pem'), TLS_KEY: join(folder, 'dev/tls.pem') }
}

async function credentials(of: Device, ttl?: number): Promise<Login> {
  const { username, password } = await of.asks('get_turn_credentials', ttl === undefined ? {} : { ttl })
  return { username: String(username), password: String(password) }
}

/** Credentials signed with a secret. */
function signed(username: string, secret: string): Login {
  return { username, password: createHmac('sha1', secret).update(username).digest('base64') }
}
const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds

// Who gets a relay

test.each([
  ['UDP', []],
  ['TCP', ['-t']],
])('a device’s credentials get a relay, over %s', async (_, options) => {
  expect(await relay(coturn.port, await credentials(alice), options)).toMatchObject({ relayed: 4, lost: 0 })
})

// With our own client: turnutils_uclient 4.6.1 hangs after its first TLS connection.
test('over TLS they get a relay too, with coturn’s certificate', async () => {
  const [login, ca] = [await credentials(alice), readFileSync(join(folder, 'dev/tls-cert.pem'), 'utf8')]
  const one = keep(await openRelay(await overTls(coturn.tlsPort, ca), login))
  expect(await one.permits(ANYWHERE)).toBe(0)
  const wrong = openRelay(await overTls(coturn.tlsPort, ca), { ...login, password: 'wrong' })
  await expect(wrong).rejects.toThrow('no relay: 401')
})

test.each([
  ['a name with all that a user id may hold', async () => credentials(await stage.device("kc:1:a_b|c@d~e.f'-ü"))],
  ['the longest name that is given out', async () => credentials(await stage.device('u'.repeat(497)))],
  ['the shortest lifetime', () => credentials(alice, 1)],
  ['the second of the secrets that coturn has', async () => signed(`${inSeconds(60)}:alice`, NEXT)],
])('%s gets a relay', async (_, login: () => Promise<Login>) => {
  const one = keep(await openRelay(overUdp(coturn.port), await login()))
  expect(await one.permits(ANYWHERE)).toBe(0)
})

const REFUSED = { relayed: 0, refused: expect.stringMatching(/^(?:error 401|Cannot complete Allocation)/) }

test.each([
  ['a wrong password', async () => ({ ...(await credentials(alice)), password: 'wrong' })],
  ['no password', async () => ({ ...(await credentials(alice)), password: '' })],
  [
    "another's name with one's own password",
    async () => {
      const [mine, theirs] = [await credentials(alice), await credentials(await stage.device('bob'))]
      return { username: theirs.username, password: mine.password }
    },
  ],
  [
    'an extended lifetime',
    async () => {
      const { username, password } = await credentials(alice)
      return { username: username.replace(/^\d+/, (expiry) => String(Number(expiry) + 3_600)), password }
    },
  ],
  ['a lifetime that is over', async () => signed(`${inSeconds(-5)}:alice`, SECRET)],
  ['a name without a lifetime', async () => signed('alice', SECRET)],
  ['a secret that coturn does not know', async () => signed(`${inSeconds(600)}:alice`, 'not a secret of coturn')],
])('%s gets no relay', async (_, login: () => Promise<Login>) => {
  expect(await relay(coturn.port, await login())).toMatchObject(REFUSED)
})

test('one user gets at most twelve relays at a time, under however many names, and others get theirs', async () => {
  const names = Array.from({ length: 13 }, (_, i) => signed(`${inSeconds(600 + i)}:greedy`, SECRET))
  const last = names.pop()!
  for (const name of names) keep(await openRelay(overUdp(coturn.port), name))
  await expect(openRelay(overUdp(coturn.port), last)).rejects.toThrow('no relay: 486')
  keep(await openRelay(overUdp(coturn.port), signed(`${inSeconds(600)}:modest`, SECRET)))
})

// What a relay reaches

test('our configuration refuses a relay to loopback, and without its rule it works', async () => {
  const login = signed(`${inSeconds(600)}:alice`, SECRET)
  const asShipped = keep(await openCoturn(folder, [`--static-auth-secret=${SECRET}`]))
  expect(await relay(asShipped.port, login)).toMatchObject({ relayed: 0, refused: expect.stringContaining('403') })

  // coturn itself refuses loopback by default; our list also refuses it when that default is off
  const listed = keep(await openCoturn(folder, [`--static-auth-secret=${SECRET}`, '--allow-loopback-peers']))
  expect(await relay(listed.port, login)).toMatchObject({ relayed: 0, refused: expect.stringContaining('403') })
  expect(listed.said()).toContain('A peer IP 127.0.0.1 denied in the range: 127.0.0.0-127.255.255.255')

  expect(await relay(coturn.port, login)).toMatchObject({ relayed: 4, lost: 0 })
})

const addresses = (text: string): string[] => text.trim().split(/\s+/)
const INSIDE = {
  4: addresses(`0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1
    192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255`),
  6: addresses(`:: ::1 ::7f00:1 ::ffff:7f00:1 ::ffff:a00:1 ::ffff:808:808 64:ff9b::a00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1
    2002:7f00:1::1 fc00::1 fdff::1 fe80::1 febf::1 fec0::1 ff02::1`),
}
const OUTSIDE = {
  4: addresses('9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.0 198.20.0.0 223.255.255.255'),
  6: addresses('64:ff9a::1 2001:1::1 2606:4700::1 2a00:1450::1'),
}

async function reaches(version: 4 | 6, relayIp: string): Promise<void> {
  const options = [`--static-auth-secret=${SECRET}`, '--allow-loopback-peers', `--relay-ip=${relayIp}`]
  const shipped = keep(await openCoturn(folder, options))
  const one = keep(await openRelay(overUdp(shipped.port), signed(`${inSeconds(600)}:alice`, SECRET), version))
  const codes: Record<string, number> = {}
  for (const peer of [...INSIDE[version], ...OUTSIDE[version]]) codes[peer] = await one.permits(peer)
  const wanted = (code: number) => (peer: string) => [peer, code]
  expect(codes).toEqual(Object.fromEntries([...INSIDE[version].map(wanted(403)), ...OUTSIDE[version].map(wanted(0))]))
}

test('a relay reaches no address reserved for its host, and all others', () => reaches(4, '127.0.0.1'))

const testIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))
  ? test
  : test.skip // this machine has no IPv6
testIPv6('nor does one over IPv6', () => reaches(6, '::1'))

test('coturn accepts every line of the file', async () => {
  const said = coturn.said().replaceAll(/Bad configuration format: no-tlsv1(?:_1)?$/gm, '') // 4.17 has it by default
  expect(said).not.toMatch(/Bad configuration|Wrong address|CONFIG ERROR|Unknown/i)
  const denied = readFileSync(new URL('../deploy/coturn.conf', import.meta.url), 'utf8').match(/^denied-peer-ip=.*/gm)!
  expect(denied.length).toBeGreaterThan(25)
  for (const line of denied) expect(coturn.said()).toContain(`: ${line.slice('denied-peer-ip='.length)}\n`)
})

// Rotation with coturn's own tool, while everything runs

async function rotates(database: string): Promise<void> {
  await turnadmin(database, '-s', SECRET)
  const rotating = keep(await openCoturn(folder, [...LOOPBACK_PEERS, ...databaseOption(database)]))
  const parts = keep(await Parts.open({ TURN_URIS: `turn:127.0.0.1:${rotating.port}`, TURN_SECRET_STORE: database }))
  await parts.startHandlers('turn')
  const bob = await parts.device('bob')
  const works = { relayed: 4, lost: 0 }

  const first = await credentials(bob)
  expect(first).toEqual(signed(first.username, SECRET))
  expect(await relay(rotating.port, first)).toMatchObject(works)

  await turnadmin(database, '-s', 'of-another-realm', 'elsewhere')
  await turnadmin(database, '-s', NEXT)
  const second = await credentials(bob)
  expect(second).toEqual(signed(second.username, NEXT))
  const [old, young] = await Promise.all([relay(rotating.port, first), relay(rotating.port, second)])
  expect([old, young]).toMatchObject([works, works])

  await turnadmin(database, '-X', SECRET)
  expect(await relay(rotating.port, first)).toMatchObject(REFUSED)
  expect(await relay(rotating.port, second)).toMatchObject(works)
  const third = await credentials(bob)
  expect(third).toEqual(signed(third.username, NEXT))
}

test("secrets are rotated in coturn's database without any restart", () =>
  rotates(join(mkdtempSync(join(folder, 'rotation-')), 'turndb')))

const testMongo = REAL_PARTS['MongoDB']!.isHere() && (await readsMongo()) ? test : test.skip
testMongo('so they are in a MongoDB, which Debian builds its coturn without', async () => {
  const mongo = keep(await startMongoServer())
  await rotates(ownDatabase(mongo.url))
})
