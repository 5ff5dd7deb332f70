import { connect as connectTcp } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { connectAsync } from 'mqtt'
import { tokenFor } from '../device.ts'
import { Parts } from '../parts.ts'
import { Run } from '../process.ts'

// No token, key, password or session description in any log line, error or page.

const SDP = 'v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n'
let parts: Parts
beforeAll(async () => {
  parts = await Parts.open({
    LOG_LEVEL: 'trace',
    HANDLER_KEYS: 'contacts=the own key of the contacts group',
    TURN_URIS: 'turn:turn.example.org',
    TURN_SECRET: 'the secret shared with coturn',
  })
})
afterAll(() => parts.close())

test('after all kinds of use and abuse there is no secret in any output of the processes, or on the admin port', async () => {
  const secret = parts.env['SECRET']!
  const token = tokenFor('alice', secret, { jti: 'the-id-of-the-token' })
  const handlers = await parts.startHandlers()
  const alice = await parts.device('alice', { token })
  await alice.asks('request_contact', { user_id: 'bob', note: SDP })
  await alice.asks('request_contact', { user_id: { secret: SDP } })
  const signaling = await parts.startHandlers('signaling')
  const bob = await parts.device('bob')
  await bob.asks('accept_contact', { user_id: 'alice' })
  await alice.asks('signal', { target: 'bob', type: 'offer', body: SDP, call_id: 'c1' })
  expect(await bob.receives('signal')).toMatchObject({ body: SDP })
  await alice.asks('signal', { target: 'bob', type: 'offer', body: SDP.replace('t=0 0', SDP) })
  await alice.asks('refresh_session', { token })
  await alice.asks('refresh_session', { token: tokenFor('bob', secret) })
  const turn = await parts.startHandlers('turn')
  const { password } = await alice.asks('get_turn_credentials')
  const refused = (username: string, password: string) =>
    expect(connectAsync(parts.url, { ca: parts.ca, username, password, reconnectPeriod: 0 }, false)).rejects.toThrow()
  await refused('JWT', `${token.slice(0, -4)}AAAA`)
  await refused('handler', 'a guessed key of a handler')
  await refused('handler:contacts', 'another guessed key')
  await refused(token, 'swapped by mistake')
  const admin = parts.admin
  const pages = await Promise.all(
    ['/metrics', '/readyz', '/healthz', '/', `/api/dead-letters?token=${token}`].map(async (path) =>
      (await fetch(admin + path)).text(),
    ),
  )
  for (const one of [handlers, signaling, turn]) {
    one.kill('SIGTERM')
    await one.ended
  }
  const wrong = parts.keep(
    new Run(['broker/main.ts'], {
      env: { ...parts.env, SECRET: 'short-pw', TURN_SECRET: 'short-turn', DATA_DIR: `${parts.dir}/other` },
    }),
  )
  await wrong.ended

  const said = [parts.broker, handlers, signaling, turn, wrong].map(({ stdout, stderr }) => stdout + stderr).join('')
  expect(said).toContain('connect refused') // proves that the logs were searched
  const secrets = [
    secret,
    parts.handlerKey,
    'the contacts group’s own key',
    'guessed key',
    'short-pw',
    'short-turn',
    'the secret shared with coturn',
    String(password),
    'ice-pwd',
    ...token.split('.').map((part) => part.slice(0, 30)),
  ]
  for (const one of secrets) {
    expect([one, said.includes(one)]).toEqual([one, false])
    expect([one, pages.join('').includes(one)]).toEqual([one, false])
  }
})

test('health and metrics answer on loopback only', async () => {
  const elsewhere = connectTcp(Number(parts.operator.env!['ADMIN_PORT']), '127.0.0.2')
  const [err] = (await once(elsewhere, 'error')) as [NodeJS.ErrnoException]
  expect(err.code).toBe('ECONNREFUSED')
})
