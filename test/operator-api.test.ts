import { request } from 'node:http'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { apiRoutes, type ApiPorts } from '../broker/admin/api/routes.ts'
import type { Closable } from '../shared/shutdown.ts'
import { tokenFor, type Device } from './device.ts'
import { Issuer } from './oidc-issuer.ts'
import { ROOT } from './process.ts'
import { openStage, type Stage } from './stage.ts'
import { works } from './works.ts'

// The API of the admin port: what an operator sees and does there, and what nobody else can.

const SECRET_TEXT = 'nobody but bob may read this'

let issuer: Issuer
let stage: Stage
let group: Closable
let alice: Device
let operator: string
beforeAll(async () => {
  issuer = await Issuer.open()
  const issuers = [{ issuer: issuer.url, audience: ['urn:switchboard:ES256'], alias: 'main' }]
  stage = await openStage([], { OIDC_ISSUERS: JSON.stringify(issuers), RETRY_DELAY: '0' })
  stage.keep(issuer)
  group = await stage.serve('works', works.commands)
  alice = await stage.device('alice')
  operator = tokenFor('ops', stage.secret, { role: 'operator' })
})
afterAll(() => stage.close())

interface Answer {
  status: number
  body: Record<string, unknown> & { error?: { code: string; message: string } }
}

async function asks(
  method: 'GET' | 'POST',
  path: string,
  { body, token = operator, headers = {} }: { body?: unknown; token?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(`${stage.admin}${path}`, {
    method,
    headers: {
      ...(token !== '' && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

const ROUTES = apiRoutes({} as ApiPorts).map(({ method, path }) => `${method} ${path}`)

test('docs/operate/api.md describes each end-point, and no other', () => {
  const page = readFileSync(join(ROOT, 'docs/operate/api.md'), 'utf8')
  const described = Array.from(page.matchAll(/^\| `((?:GET|POST) \/api\/[^`]*)`/gm), ([, route]) => route!)
  expect(described.toSorted()).toEqual(ROUTES.toSorted())
})

test.each(ROUTES)('%s is for operators alone', async (route) => {
  const [method, path] = route.split(' ') as ['GET' | 'POST', string]
  const inAnHour = Math.floor(Date.now() / 1000) + 3600
  const { secret } = stage
  const attempts: [string, string, number, string][] = [
    ['no token', '', 401, 'unauthorized'],
    ['nonsense', 'nonsense', 401, 'unauthorized'],
    ['expired', tokenFor('ops', secret, { role: 'operator', exp: inAnHour - 7_200 }), 401, 'unauthorized'],
    ['another secret', tokenFor('ops', 'some other secret of theirs', { role: 'operator' }), 401, 'unauthorized'],
    ['another audience', await issuer.tokenOf('alice', 'RS256'), 401, 'unauthorized'],
    ['no role', tokenFor('alice', secret), 403, 'forbidden'],
    ['another role', tokenFor('alice', secret, { role: 'operators' }), 403, 'forbidden'],
    ['narrowed', tokenFor('ops', secret, { role: 'operator', acl: { pub: ['nothing'], sub: [] } }), 403, 'forbidden'],
  ]
  for (const [why, token, status, code] of attempts) {
    const answer = await asks(method, path.replace(/:\w+/, 'alice'), { token })
    expect([why, answer.status, answer.body.error?.code]).toEqual([why, status, code])
  }
})

test('a token of the right audience is told apart from one of another by its role', async () => {
  expect((await asks('GET', '/api/overview', { token: await issuer.tokenOf('alice', 'ES256') })).status).toBe(403)
})

test('what is wrong with a request is said in a code and in words', async () => {
  const cases: [Promise<Answer>, number, string][] = [
    [asks('GET', '/api/nothing'), 404, 'not_found'],
    [asks('GET', '/api'), 404, 'not_found'],
    [asks('GET', '/api/users/%ff'), 404, 'not_found'],
    [asks('GET', '/api/users/a_b'), 400, 'bad_request'],
    [asks('GET', '/api/users/alice/ban'), 405, 'method_not_allowed'],
    [asks('POST', '/api/overview', { body: {} }), 405, 'method_not_allowed'],
    [asks('GET', '/api/overview?x=1'), 400, 'bad_request'],
    [asks('GET', '/api/history?after=now'), 400, 'bad_request'],
    [asks('GET', '/api/dead-letters?after=x'), 400, 'bad_request'],
    [asks('POST', '/api/dead-letters/drop', { body: {} }), 400, 'bad_request'],
    [asks('POST', '/api/dead-letters/drop'), 400, 'bad_request'],
    [asks('POST', '/api/dead-letters/drop', { body: '[]' }), 400, 'bad_request'],
    [asks('POST', '/api/dead-letters/drop', { body: '{"all":true,"all":true}' }), 400, 'bad_request'],
    [asks('POST', '/api/dead-letters/drop', { body: { user: { $gt: '' } } }), 400, 'bad_request'],
    [asks('POST', '/api/users/alice/ban', { body: { seconds: 'x' } }), 400, 'bad_request'],
    [
      asks('POST', '/api/users/alice/ban', { body: '{}', headers: { 'content-type': 'text/plain' } }),
      415,
      'unsupported_type',
    ],
    [asks('GET', '/api/dead-letters/replays/none'), 404, 'not_found'],
  ]
  for (const [asked, status, code] of cases) {
    const { status: told, body } = await asked
    expect([told, body.error?.code, typeof body.error?.message]).toEqual([status, code, 'string'])
  }
})

test.each([
  ['announced', { 'content-length': '1000000' }, ''],
  ['without a length', { 'transfer-encoding': 'chunked' }, ' '.repeat(20_000)],
] as const)('a huge body is refused before it has been read: %s', async (_, headers, sent) => {
  const asked = request(`${stage.admin}/api/dead-letters/drop`, {
    method: 'POST',
    headers: { ...headers, authorization: `Bearer ${operator}`, 'content-type': 'application/json' },
  })
  asked.on('error', () => {}) // it is not read to its end
  asked.flushHeaders()
  if (sent) asked.write(sent)
  const [answer] = (await once(asked, 'response')) as [import('node:http').IncomingMessage]
  expect(answer.statusCode).toBe(413)
  asked.destroy()
})

test('the overview shows a queue that grows while a group is away, and how it is worked off', async () => {
  expect(await alice.asks('do_work', { text: 'first' })).toMatchObject({ event: 'worked' })
  const worksIn = async () => {
    const { status, body } = await asks('GET', '/api/overview')
    expect(status).toBe(200)
    const groups = body['groups'] as { group: string; commands: number; oldest_s: number; processes: number }[]
    return { body, works: groups.find((one) => one.group === 'works')! }
  }
  const { body, works: before } = await worksIn()
  expect(before).toMatchObject({ commands: 0, oldest_s: 0, in_flight: 0, processes: 1, members: [{ in_flight: 0 }] })
  expect(body).toMatchObject({
    ready: true,
    connections: { device: 1, handler: 1 },
    commands: expect.arrayContaining([expect.objectContaining({ command: 'do_work', p50_ms: expect.any(Number) })]),
    event_loop: { p99_ms: expect.any(Number) },
    disk: { free: expect.any(Number) },
  })
  await group.close()
  for (const text of ['a', 'b']) await alice.sends('do_work', { text })
  await alice.hears('command_queued', 2)
  expect((await worksIn()).works).toMatchObject({ commands: 2, processes: 0 })
  expect((await asks('GET', '/api/users/alice')).body).toMatchObject({ queue: { commands: 2 } })
  group = await stage.serve('works', works.commands)
  await alice.hears('worked', 2)
  expect((await worksIn()).works).toMatchObject({ commands: 0, processes: 1 })
  await alice.unread()
})

test('dead letters are listed a page at a time without payloads, shown with them, tried dry, replayed and dropped', async () => {
  works.isBroken = true
  for (const id of ['d1', 'd2', 'd3']) await alice.asks('do_work', { text: SECRET_TEXT }, { id })
  works.isBroken = false
  const first = (await asks('GET', '/api/dead-letters?limit=2')).body
  expect([first['count'], (first['letters'] as object[]).length]).toEqual([3, 2])
  const rest = (await asks('GET', `/api/dead-letters?limit=2&after=${encodeURIComponent(String(first['next']))}`)).body
  expect(rest).toMatchObject({ count: 1, letters: [{ command: 'do_work', user: 'alice' }] })
  expect(rest).not.toHaveProperty('next')
  expect(JSON.stringify([first, rest])).not.toContain(SECRET_TEXT)
  const shown = (await asks('GET', '/api/dead-letters/show?id=d1')).body
  expect(shown['letters']).toMatchObject([{ payload: expect.stringContaining(SECRET_TEXT) }])

  const dry = await asks('POST', '/api/dead-letters/replay', { body: { user: 'alice', dry_run: true } })
  expect(dry.body).toMatchObject({ count: 3 })
  expect((await asks('GET', '/api/dead-letters')).body).toMatchObject({ count: 3 })
  const replayed = (await asks('POST', '/api/dead-letters/replay', { body: { id: 'd1' } })).body
  expect(replayed).toMatchObject({ count: 1, left: 0 })
  expect(await alice.receives('worked')).toMatchObject({ re: 'd1' })
  const progress = (await asks('GET', `/api/dead-letters/replays/${String(replayed['replay'])}`)).body
  expect(progress).toMatchObject({ waiting: 0, ended: [{ outcome: 'done', user: 'alice' }] })
  expect((await asks('POST', '/api/dead-letters/drop', { body: { all: true } })).body).toEqual({ count: 2 })
})

test('a user’s page shows sessions, inbox and queue; they are kicked, banned, let in again, and a token is revoked', async () => {
  const bob = await stage.device('bob', { token: tokenFor('bob', stage.secret, { jti: 'bobs' }), clientId: 'phone' })
  const seen = (await asks('GET', '/api/users/bob')).body
  expect(seen).toMatchObject({
    user: 'bob',
    sessions: [{ client: 'phone', connected: true, jti: 'bobs', expires_at: expect.any(Number) }],
    inbox: { events: 0 },
    queue: { commands: 0, bytes: 0 },
  })
  const gone = closes(bob)
  expect((await asks('POST', '/api/users/bob/kick')).body).toEqual({ user_id: 'bob', sessions: 1 })
  await gone
  expect((await asks('POST', '/api/users/bob/ban', { body: { seconds: 600 } })).status).toBe(200)
  expect((await asks('GET', '/api/users/bob')).body).toMatchObject({ banned_until: expect.any(Number), sessions: [] })
  await expect(stage.device('bob')).rejects.toThrow()
  expect((await asks('POST', '/api/users/bob/unban')).body).toEqual({ user_id: 'bob' })
  expect((await asks('GET', '/api/users/bob')).body).not.toHaveProperty('banned_until')
  const back = await stage.device('bob', { token: tokenFor('bob', stage.secret, { jti: 'again' }) })
  const ended = closes(back)
  expect((await asks('POST', '/api/tokens/revoke', { body: { jti: 'again' } })).body).toEqual({
    jti: 'again',
    sessions: 1,
  })
  await ended
})

const closes = (device: Device): Promise<void> => new Promise((resolve) => device.mqtt.once('close', () => resolve()))

/** Opens a tail; `until` reads on until its text holds this. */
async function tail(query = ''): Promise<{ status: number; until(text: string): Promise<string>; close(): void }> {
  const stop = new AbortController()
  const headers = { authorization: `Bearer ${operator}` }
  const { status, body } = await fetch(`${stage.admin}/api/tail${query}`, { headers, signal: stop.signal })
  const reader = body!.getReader()
  const decoder = new TextDecoder()
  let heard = ''
  return {
    status,
    async until(text) {
      while (!heard.includes(text)) {
        const { done, value } = await reader.read()
        if (done) throw new Error(`the tail ended without ${text}: ${heard}`)
        heard += decoder.decode(value, { stream: true })
      }
      return heard
    },
    close: () => stop.abort(),
  }
}

test('a tail shows commands and their ends, and the names of fields without their values', async () => {
  const follows = await tail('?user=alice')
  await follows.until('follows')
  const bob = await stage.device('bob')
  await bob.asks('do_work', { text: SECRET_TEXT }, { id: 'of-bob' })
  await alice.asks('do_work', { text: SECRET_TEXT }, { id: 'of-alice' })
  const heard = await follows.until('"what":"done"')
  follows.close()
  const lines = heard
    .split('\n')
    .flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6)) as object] : []))
  const id = expect.stringMatching(/^alice\/of-alice~/)
  expect(lines).toMatchObject([
    { what: 'accepted', id, command: 'do_work', user: 'alice', fields: ['id', 'text'] },
    { what: 'done', id, group: 'works', ms: expect.any(Number) },
  ])
  expect(heard).not.toContain(SECRET_TEXT)
})

test('tails are bounded; one that is closed makes room', async () => {
  const open = await Promise.all(Array.from({ length: 8 }, () => tail()))
  expect(open.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200))
  const refused = await asks('GET', '/api/tail')
  expect([refused.status, refused.body.error?.code]).toEqual([429, 'too_many'])
  for (const one of open) one.close()
  for (;;) {
    const again = await tail()
    again.close()
    if (again.status === 200) break
  }
})

test('no page of another host may read the API: no CORS header, and no other host name', async () => {
  const headers = { authorization: `Bearer ${operator}`, origin: 'https://evil.example' }
  const response = await fetch(`${stage.admin}/api/overview`, { headers })
  expect(response.headers.get('access-control-allow-origin')).toBeNull()
  const preflight = await fetch(`${stage.admin}/api/overview`, {
    method: 'OPTIONS',
    headers: { origin: headers.origin },
  })
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([401, null])
})
