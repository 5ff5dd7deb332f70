import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import Database from 'libsql'
import { stage } from '../../test/handlers/stage.ts'
import { openStage } from '../../test/stage.ts'

const [NEW, OLD] = ['the-secret-that-signs', 'the-secret-that-goes']
const URIS = [
  'stun:turn.example.org:3478',
  'turn:turn.example.org:3478?transport=udp',
  'turns:turn.example.org:5349?transport=tcp',
]
const SETTINGS = { TURN_URIS: URIS.join(), TURN_SECRET: `${NEW},${OLD}`, TURN_TTL: '1800' }

const { alice, bob, carl, person } = await stage('turn', SETTINGS)

const signed = (username: unknown, secret: string): string =>
  createHmac('sha1', secret).update(String(username)).digest('base64')
const expiryOf = ({ username }: Record<string, unknown>): number => Number(/^\d+/.exec(String(username))![0])
const seconds = (): number => Math.floor(Date.now() / 1000)

test('returns a username, its password and the servers as RTCPeerConnection takes them', async () => {
  const before = seconds()
  const answer = await alice.calls('get_turn_credentials')
  const { username, password } = answer
  expect(answer).toEqual({
    event: 'turn_credentials',
    re: expect.any(String),
    at: expect.any(String),
    username: expect.stringMatching(/^\d{10}:alice$/),
    password: signed(username, NEW),
    ttl: 1800,
    uris: URIS,
    ice_servers: [{ urls: [URIS[0]] }, { urls: [URIS[1], URIS[2]], username, credential: password }],
  })
  expect(expiryOf(answer)).toBeGreaterThanOrEqual(before + 1800)
  expect(expiryOf(answer)).toBeLessThanOrEqual(seconds() + 1800)
})

test.each([
  [600, 600],
  [60, 60],
  [59, 60],
  [0, 60],
  [-1, 60],
  [86_400, 86_400],
  [86_401, 86_400],
  [Number.MAX_SAFE_INTEGER, 86_400],
])('a lifetime of %p seconds is clamped to %p', async (ttl, given) => {
  const before = seconds()
  const answer = await bob.calls('get_turn_credentials', { ttl })
  expect(answer).toAnswer('turn_credentials', { ttl: given })
  expect(expiryOf(answer) - before - given).toBeGreaterThanOrEqual(0)
  expect(expiryOf(answer) - before - given).toBeLessThan(10)
})

test.each([
  ['a lifetime of no whole number', { ttl: 60.5 }, 'ttl'],
  ['one that is a text', { ttl: '3600' }, 'ttl'],
  ['one that is not finite', { ttl: 1e300 }, 'ttl'],
  ["another's name", { user_id: 'bob' }, 'user_id'],
])('%s is refused, naming the field', async (_, fields, wrong) => {
  expect(await carl.calls('get_turn_credentials', fields as never)).toMatchObject({
    code: 'bad_payload',
    fields: { [wrong]: expect.any(String) },
  })
})

test('the username holds the id of the caller, whatever it looks like', async () => {
  const odd = person('kc:9999999999:a_b|c')
  const { username, password } = await odd.calls('get_turn_credentials')
  expect(username).toMatch(/^\d{10}:kc:9999999999:a%5Fb\|c$/)
  expect(password).toBe(signed(username, NEW))
})

test('refuses a user id that is too long for a TURN username', async () => {
  const [fits, long] = [person('u'.repeat(497)), person('u'.repeat(498))]
  expect(await fits.calls('get_turn_credentials')).toAnswer('turn_credentials')
  expect(await long.calls('get_turn_credentials')).toBeRefused('too_large')
})

const KINDS = [
  ['stun:turn.example.org', {}],
  ['turn:turn.example.org', { username: expect.any(String), credential: expect.any(String) }],
] as const
const stages = await Promise.all(KINDS.map(([uri]) => stage('turn', { ...SETTINGS, TURN_URIS: uri })))
test('lists only the kind of server that is set up, STUN or TURN', async () => {
  for (const [i, [uri, credentials]] of KINDS.entries()) {
    const { ice_servers } = await stages[i]!.dora.calls('get_turn_credentials')
    expect(ice_servers).toEqual([{ urls: [uri], ...credentials }])
  }
})

const bare = await Promise.all(
  [{}, { TURN_SECRET: NEW }, { TURN_URIS: URIS.join() }].map((settings) => stage('turn', settings)),
)
test.each([
  ['nothing is set', 0],
  ['there are no URIs', 1],
  ['there is no secret', 2],
])('when %s, answers at once that TURN is not set up', async (_, i) => {
  const refusal = await bare[i]!.eve.calls('get_turn_credentials')
  expect(refusal).toBeRefused('unavailable')
  expect(refusal).toMatchObject({ message: 'TURN is not set up here' })
})

// What follows takes a broker: several processes and devices, and commands that wait.

test('beyond the hourly share answers rate_limited, across processes, devices and command ids; others are not limited', async () => {
  const small = await openStage(['turn', 'turn'], { ...SETTINGS, TURN_CREDENTIALS_PER_USER: '5' })
  try {
    const [phone, laptop] = [await small.device('finn'), await small.device('finn')]
    const first = await phone.asks('get_turn_credentials', {}, { id: 'once' })
    const again = await phone.asks('get_turn_credentials', {}, { id: 'once' }) // the same command again counts once
    expect({ ...again, at: '', ttl: 0 }).toEqual({ ...first, at: '', ttl: 0 })
    expect(again['ttl']).toBeLessThanOrEqual(Number(first['ttl'])) // the seconds left: it expires at the same second
    const asked = [laptop, phone, laptop, phone, laptop, phone, laptop].map((one) => one.asks('get_turn_credentials'))
    const answers = await Promise.all(asked)
    const refused = answers.filter(({ event }) => event === 'command_rejected')
    expect(1 + answers.length - refused.length).toBe(5)
    for (const one of refused) {
      expect(one).toMatchObject({ code: 'rate_limited', retry_after_ms: expect.any(Number) })
      expect(one['retry_after_ms']).toBeGreaterThan(3_500_000)
      expect(one['retry_after_ms']).toBeLessThanOrEqual(3_600_000)
    }
    const gus = await small.device('gus')
    expect(await gus.asks('get_turn_credentials')).toMatchObject({ event: 'turn_credentials' })
  } finally {
    await small.close()
  }
})

test("while coturn's database is missing or locked the command waits, and is then answered", async () => {
  const dir = mkdtempSync(join(tmpdir(), 'turn-'))
  const file = join(dir, 'turndb')
  const heard: string[] = []
  const settings = { TURN_URIS: SETTINGS.TURN_URIS, TURN_SECRET_STORE: file }
  const waiting = await openStage('turn', settings, heard)
  const failures = () => heard.filter((line) => line.includes('TURN_SECRET_STORE')).length
  /** Waits until another attempt has failed. */
  const fails = async (since: number) => {
    while (failures() === since) await new Promise((resolve) => setImmediate(resolve))
  }
  try {
    const [iris, jack] = [await waiting.device('iris'), await waiting.device('jack')]
    const early = iris.asks('get_turn_credentials')
    await fails(0)
    const coturn = new Database(file)
    coturn.exec('CREATE TABLE turn_secret (realm varchar(127), value varchar(256), primary key (realm,value))')
    coturn.prepare('INSERT INTO turn_secret VALUES (?, ?)').run(['switchboard', NEW])
    const first = await early
    expect(first['password']).toBe(signed(first['username'], NEW))

    coturn.exec('BEGIN EXCLUSIVE')
    const late = jack.asks('get_turn_credentials')
    await fails(failures())
    coturn.exec('COMMIT')
    const second = await late
    expect(second['password']).toBe(signed(second['username'], NEW))
    coturn.close()
    expect(heard.join('')).not.toContain(NEW)
  } finally {
    await waiting.close()
    rmSync(dir, { recursive: true })
  }
})
