import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { connectAsync, type IClientOptions } from 'mqtt'
import { z } from 'zod'
import { command, event, type DeclaredCommand } from '../shared/runtime/command.ts'
import { later } from '../shared/runtime/later.ts'
import { tokenFor, type Device, type DeviceOptions } from './device.ts'
import { PlainHandler } from './plain-handler.ts'
import { openStage, type Stage } from './stage.ts'

// What still acts in a user's name after a ban, a revocation, an expiry or a kick: broker/core/standing.ts has the table.

const rung = event('rung', { who: z.string() })
const ringing = event('ringing', {})
const ring_again = later('ring_again', { who: z.string() })
const COMMANDS = new Map<string, DeclaredCommand>([
  [
    'ring_soon',
    command({
      input: z.object({}),
      events: { ringing },
      later: { ring_again },
      run: (_, { from }) => ({ reply: ringing({}), later: [[2_000, ring_again({ who: from.user })] as const] }),
    }),
  ],
  [
    'ring_again',
    command({
      input: ring_again.input,
      events: { rung },
      internal: 'later',
      run: ({ who }) => ({ notify: [['bob' as never, rung({ who })]] }),
    }),
  ],
] as const)

const ACL = { pub: ['fleet/#'] }
const KEPT: IClientOptions = { clean: false, properties: { sessionExpiryInterval: 600 } }
const lines: string[] = []
let stage: Stage
let operator: Device
beforeAll(async () => {
  stage = await openStage([], { CONNECTS_PER_CLIENT: '1000', SESSIONS_PER_USER: '5' }, lines)
  operator = await stage.device('olga', { token: tokenOf('olga', { role: 'operator' }) })
})
afterAll(() => stage.close())
beforeEach(() => {
  lines.length = 0
})

const seconds = (): number => Math.floor(Date.now() / 1000)
const tokenOf = (sub: string, claims: object = {}): string => tokenFor(sub, stage.secret, claims)
const keeps = (sub: string, clientId: string, claims: object = {}, more: DeviceOptions = {}): Promise<Device> =>
  stage.device(sub, { clientId, token: tokenOf(sub, claims), mqtt: { ...KEPT, ...more.mqtt } })
const isPresent = async (sub: string, clientId: string, claims: object = {}): Promise<boolean | undefined> => {
  const device = await keeps(sub, clientId, claims)
  await device.leaves()
  return device.connack?.sessionPresent
}

/** Resolves when a log line holds all of this. */
async function logs(...parts: string[]): Promise<void> {
  const deadline = AbortSignal.timeout(60_000)
  while (!lines.some((line) => parts.every((part) => line.includes(part)))) {
    if (deadline.aborted) throw new Error(`no line of the log holds ${parts.join(' and ')}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('a will acts by its user’s standing at the time it acts', async () => {
  const heard: string[] = []
  const watcher = await connectAsync(
    stage.url,
    { username: 'JWT', password: tokenOf('watcher', { acl: { sub: ['fleet/#'] } }), ca: stage.ca, reconnectPeriod: 0 },
    false,
  )
  stage.keep({ close: () => watcher.endAsync(true) })
  watcher.on('message', (topic) => heard.push(topic))
  await watcher.subscribeAsync('fleet/#', { qos: 1 })

  const comes = async (name: string): Promise<Device> => {
    const will = { topic: `fleet/${name}`, payload: Buffer.from('x'), qos: 1 as const, retain: false }
    const properties = { willDelayInterval: { expired: 14, ending: 0 }[name] ?? 8 }
    return keeps(name, 'van', { acl: ACL, jti: `will of ${name}` }, { mqtt: { will: { ...will, properties } } })
  }
  const names = ['expired', 'ending', 'narrowed', 'banned', 'revoked', 'kicked', 'good']
  const devices = new Map<string, Device>()
  for (const name of names) devices.set(name, await comes(name))
  const soon = seconds() + 4
  const claims = {
    expired: { exp: soon, acl: ACL },
    ending: { exp: soon, acl: ACL },
    narrowed: { acl: { pub: ['x/#'] } },
  }
  for (const [name, its] of Object.entries(claims)) {
    await devices.get(name)!.asks('refresh_session', { token: tokenOf(name, its) })
  }
  // The end of `ending` itself triggers its will.
  for (const [name, { mqtt }] of devices) if (name !== 'ending') mqtt.stream.destroy()
  await Promise.all([
    operator.asks('ban_user', { user_id: 'banned' }),
    operator.asks('revoke_token', { jti: 'will of revoked' }),
    operator.asks('kick_user', { user_id: 'kicked' }),
  ])
  await Promise.all(
    ['expired', 'narrowed'].map((name) => logs('command refused', 'forbidden', `"command":"fleet/${name}"`)),
  )
  while (heard.length < 2) await once(watcher as never, 'message')
  expect(heard.toSorted()).toEqual(['fleet/ending', 'fleet/good'])
})

test('queued commands and dead letters run by their user’s standing at the time they run', async () => {
  await stage.broker.reload({
    slow: { commands: { do_slow: { ordered: false, timeoutMs: 10_000, attempts: 1 } }, events: [] },
  })
  const names = ['expired-q', 'banned-q', 'revoked-q', 'kicked-q', 'narrowed-q', 'good-q']
  let expired: Promise<unknown> | undefined
  for (const name of names) {
    const device = await keeps(name, 'phone', { jti: `queue of ${name}` })
    expect(await device.asks('whoami')).toMatchObject({ last: 0 })
    await device.sends('do_slow', { name })
    expect(await device.receives('command_queued')).toMatchObject({ command: 'do_slow' })
    if (name === 'narrowed-q') await device.asks('refresh_session', { token: tokenOf(name, { acl: { pub: ['x'] } }) })
    if (name === 'expired-q') {
      expired = once(device.mqtt as never, 'close')
      await device.asks('refresh_session', { token: tokenOf(name, { exp: seconds() + 2 }) })
    } else await device.leaves()
  }
  await expired
  await operator.asks('ban_user', { user_id: 'banned-q' })
  await operator.asks('revoke_token', { jti: 'queue of revoked-q' })
  await operator.asks('kick_user', { user_id: 'kicked-q' })

  const rejected = async (name: string): Promise<unknown[]> => {
    const device = await stage.device(name)
    const { epoch } = await device.asks('whoami')
    const { events } = await device.asks('sync_events', { epoch, since: 0 })
    return events as unknown[]
  }
  const slow = await PlainHandler.connect(stage, 'slow.1', { mqtt: { properties: { receiveMaximum: 100 } } })
  const taking = slow.takes('do_slow') // its SUBACK comes after the waiting commands
  const ran: string[] = []
  for (let i = 0; i < 4; i++) {
    const { payload, acknowledge } = await slow.gets('do_slow')
    const { name } = JSON.parse(payload.toString()) as { name: string }
    ran.push(name)
    acknowledge(name === 'good-q' ? 0x80 : 0) // which makes it a dead letter
  }
  await taking
  expect(ran.toSorted()).toEqual(['expired-q', 'good-q', 'kicked-q', 'narrowed-q'])
  const forbidden = expect.objectContaining({ event: 'command_rejected', command: 'do_slow', code: 'forbidden' })
  expect(await rejected('revoked-q')).toEqual([forbidden])
  await operator.asks('unban_user', { user_id: 'banned-q' })
  expect(await rejected('banned-q')).toEqual([forbidden])

  await logs('a command is dead', 'good-q')
  await operator.asks('ban_user', { user_id: 'good-q' })
  const authorization = `Bearer ${tokenOf('olga', { role: 'operator' })}`
  const replay = await fetch(`${stage.admin}/api/dead-letters/replay`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'good-q' }),
  })
  expect(replay.status).toBe(200)
  await operator.asks('unban_user', { user_id: 'good-q' })
  expect(await rejected('good-q')).toEqual([expect.objectContaining({ event: 'command_failed' }), forbidden])
  expect(slow.unread).toBe(0)
})

test('a deferred command runs for others, whatever happened to its user', async () => {
  await stage.serve('rings', COMMANDS)
  const bob = await stage.device('bob')
  const names = ['banned-r', 'revoked-r', 'good-r']
  for (const name of names) {
    const device = await stage.device(name, { token: tokenOf(name, { jti: `ring of ${name}` }) })
    expect(await device.asks('ring_soon')).toMatchObject({ event: 'ringing' })
  }
  await operator.asks('ban_user', { user_id: 'banned-r' })
  await operator.asks('revoke_token', { jti: 'ring of revoked-r' })
  const who = []
  for (const _ of names) who.push((await bob.receives('rung'))['who'])
  expect(who).toHaveLength(names.length)
  expect(new Set(who)).toEqual(new Set(names))
})

test('a thief’s sessions end with their token, and never lock the owner out', async () => {
  for (let i = 0; i < 5; i++) await (await keeps('owner', `thief-${i}`, { jti: 'stolen' })).leaves()
  const mine = await keeps('owner', 'mine', { jti: 'mine' })
  expect(mine.connack?.sessionPresent).toBe(false)
  expect(await operator.asks('revoke_token', { jti: 'stolen' })).toMatchObject({ sessions: 4 })
  expect(await operator.asks('revoke_token', { jti: 'stolen' })).toMatchObject({ sessions: 0 })
  expect(await isPresent('owner', 'thief-4')).toBe(false)
  await mine.leaves()
  expect(await isPresent('owner', 'mine')).toBe(true)
})

test('a kept session belongs to its last token', async () => {
  await (await keeps('rita', 'resumed', { jti: 'old of rita' })).leaves()
  await (await keeps('rita', 'resumed', { jti: 'new of rita' })).leaves()
  const refreshed = await keeps('rita', 'refreshed', { jti: 'old of rita' })
  await refreshed.asks('refresh_session', { token: tokenOf('rita', { jti: 'new of rita' }) })
  await refreshed.leaves()
  expect(await operator.asks('revoke_token', { jti: 'old of rita' })).toMatchObject({ sessions: 0 })
  expect(await operator.asks('revoke_token', { jti: 'new of rita' })).toMatchObject({ sessions: 2 })
})

test('a kick ends kept sessions, of one client or all, connected or not', async () => {
  const online = await keeps('kim', 'online')
  for (const client of ['a', 'b']) await (await keeps('kim', client)).leaves()
  const left = once(online.mqtt as never, 'close')
  expect(await operator.asks('kick_user', { user_id: 'kim', client_id: 'a' })).toMatchObject({ sessions: 1 })
  expect([await isPresent('kim', 'a'), await isPresent('kim', 'b')]).toEqual([false, true])
  expect(await operator.asks('kick_user', { user_id: 'kim' })).toMatchObject({ sessions: 3 })
  await left
  expect([await isPresent('kim', 'online'), await isPresent('kim', 'b')]).toEqual([false, false])
})

test('a ban ends kept sessions', async () => {
  const online = await keeps('ben', 'online')
  await (await keeps('ben', 'away')).leaves()
  const left = once(online.mqtt as never, 'close')
  expect(await operator.asks('ban_user', { user_id: 'ben' })).toMatchObject({ sessions: 2 })
  await left
  await operator.asks('unban_user', { user_id: 'ben' })
  expect([await isPresent('ben', 'online'), await isPresent('ben', 'away')]).toEqual([false, false])
})
