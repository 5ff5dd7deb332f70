import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { tokenFor, type Device, type DeviceOptions } from './device.ts'
import { Parts } from './parts.ts'
import { openStage, type Stage } from './stage.ts'

// How long a session lasts, and who can end it.

let stage: Stage
let operator: Device
beforeAll(async () => {
  stage = await openStage('contacts')
  operator = await asOperator(stage)
})
afterAll(() => stage.close())

const seconds = (): number => Math.floor(Date.now() / 1000)
const tokenOf = (sub: string, claims: object = {}): string => tokenFor(sub, stage.secret, claims)
const asOperator = (on: Pick<Stage, 'device' | 'secret'>): Promise<Device> =>
  on.device('olga', { token: tokenFor('olga', on.secret, { role: 'operator' }) })

/** The reason code of the broker's DISCONNECT, on MQTT 5. */
async function endOf({ mqtt }: Device): Promise<number | undefined> {
  let reason: number | undefined
  mqtt.once('disconnect', ({ reasonCode }) => (reason = reasonCode))
  await once(mqtt as never, 'close')
  return reason
}

test('a session is warned a minute before its token expires, with its client id', async () => {
  const exp = seconds() + 65
  const alice = await stage.device('alice', { clientId: 'phone', token: tokenOf('alice', { exp }) })
  expect(await alice.receives('session_expiring')).toMatchObject({ client_id: 'phone', exp })
  expect(Date.now()).toBeGreaterThanOrEqual((exp - 60) * 1000 - 50)
})

test('a session continues with a new token of the same user, with its expiry and its rights', async () => {
  const first = tokenOf('alice', { exp: seconds() + 10 })
  const [alice, other] = [await stage.device('alice', { token: first }), await stage.device('alice', { token: first })]
  const firstEnded = endOf(other)
  const exp = seconds() + 1_000
  const renewed = tokenOf('alice', { exp, acl: { pub: ['get_contact_list'] } })
  expect(await alice.asks('refresh_session', { token: renewed })).toMatchObject({ event: 'session_refreshed', exp })
  expect(await alice.asks('whoami')).toMatchObject({ expires_at: new Date(exp * 1000).toISOString() })
  expect(await alice.asks('get_block_list')).toMatchObject({ event: 'command_rejected', code: 'forbidden' })
  expect(await firstEnded).toBe(0x87)
  expect(alice.mqtt.connected).toBe(true)
  expect(await alice.asks('get_contact_list')).toMatchObject({ event: 'contact_list' })
})

test.each([
  ["another user's token", () => tokenOf('bob'), { token: 'is of another user' }],
  ['a forged one', () => tokenFor('alice', 'a secret of her own'), { token: 'is not accepted' }],
  ['one that has ended', () => tokenOf('alice', { exp: seconds() - 60 }), { token: 'is not accepted' }],
  ['nonsense', () => 'nonsense', { token: 'is not accepted' }],
])('%s does not refresh a session: forbidden, and the old token stays in force', async (_, make, fields) => {
  const alice = await stage.device('alice')
  const before = await alice.asks('whoami')
  const answer = await alice.asks('refresh_session', { token: make() })
  expect(answer).toMatchObject({ event: 'command_rejected', code: 'forbidden', fields })
  expect(await alice.asks('whoami')).toMatchObject({ expires_at: before['expires_at'] })
})

test('a token that is not a string is a bad payload', async () => {
  const alice = await stage.device('alice')
  for (const token of [7, null, { jwt: 'x' }, undefined]) {
    expect(await alice.asks('refresh_session', { token })).toMatchObject({ code: 'bad_payload', fields: { token: {} } })
  }
})

test('an operator kicks a user, or one of their clients; they may reconnect', async () => {
  const [phone, laptop] = [
    await stage.device('kim', { clientId: 'phone' }),
    await stage.device('kim', { clientId: 'laptop' }),
  ]
  const [phoneEnd, laptopEnd] = [endOf(phone), endOf(laptop)]
  expect(await operator.asks('kick_user', { user_id: 'kim', client_id: 'phone' })).toMatchObject({
    event: 'user_kicked',
    user_id: 'kim',
    sessions: 1,
  })
  expect(await phoneEnd).toBe(0x98)
  expect(laptop.mqtt.connected).toBe(true)
  expect(await operator.asks('kick_user', { user_id: 'kim' })).toMatchObject({ sessions: 1 })
  expect(await laptopEnd).toBe(0x98)
  await stage.device('kim', { clientId: 'phone' })
})

test('a banned user is disconnected at once, and refused until unbanned', async () => {
  const bob = await stage.device('bob')
  const end = endOf(bob)
  expect(await operator.asks('ban_user', { user_id: 'bob' })).toMatchObject({ event: 'user_banned', sessions: 1 })
  expect(await end).toBe(0x98)
  await expect(stage.device('bob')).rejects.toMatchObject({ code: 0x8a })
  await expect(stage.device('bob', { version: 4 })).rejects.toMatchObject({ code: 5 })
  await stage.device('bobby')
  expect(await operator.asks('unban_user', { user_id: 'bob' })).toMatchObject({ event: 'user_unbanned' })
  await stage.device('bob')
})

test('a ban may expire', async () => {
  await operator.asks('ban_user', { user_id: 'carl', seconds: 8 })
  await expect(stage.device('carl')).rejects.toMatchObject({ code: 0x8a })
  await new Promise((resolve) => setTimeout(resolve, 8_100)) // waits for time itself
  await stage.device('carl')
})

test('a revoked token ends its own sessions and no others of its user', async () => {
  const options = (jti: string): DeviceOptions => ({ token: tokenOf('dora', { jti }) })
  const [lost, other] = [await stage.device('dora', options('lost')), await stage.device('dora', options('other'))]
  const end = endOf(lost)
  expect(await operator.asks('revoke_token', { jti: 'lost' })).toMatchObject({ event: 'token_revoked', sessions: 1 })
  expect(await end).toBe(0x87)
  await expect(stage.device('dora', options('lost'))).rejects.toMatchObject({ code: 0x87 })
  expect(await other.asks('refresh_session', options('lost'))).toMatchObject({ code: 'forbidden' })
  expect(await other.asks('whoami')).toMatchObject({ event: 'session_info' })
})

test.each(['kick_user', 'ban_user', 'unban_user', 'revoke_token'])('%s is for operators alone', async (command) => {
  const [alice, victim] = [await stage.device('alice'), await stage.device('victim')]
  for (const claims of [{}, { role: 'Operator' }, { role: ['operator'] }, { role: true }]) {
    const someone = await stage.device('mallory', { token: tokenOf('mallory', claims) })
    const answer = await someone.asks(command, { user_id: 'victim', jti: 'x' })
    expect(answer).toMatchObject({ event: 'command_rejected', code: 'forbidden' })
    await someone.leaves()
  }
  expect(await victim.asks('whoami')).toMatchObject({ event: 'session_info' })
  await alice.leaves()
})

test('an acl narrows an operator’s commands like any user’s', async () => {
  const claims = { role: 'operator', acl: { pub: ['kick_user'] } }
  const odd = await stage.device('odd', { token: tokenOf('odd', claims) })
  for (const command of ['ban_user', 'unban_user', 'revoke_token']) {
    expect(await odd.asks(command, { user_id: 'nobody', jti: 'x' })).toMatchObject({ code: 'forbidden' })
  }
  expect(await odd.asks('kick_user', { user_id: 'nobody' })).toMatchObject({ event: 'user_kicked' })
  const dead = async (pub: string[]): Promise<number> => {
    const authorization = `Bearer ${tokenOf('odd', { role: 'operator', acl: { pub } })}`
    return (await fetch(`${stage.admin}/api/dead-letters`, { headers: { authorization } })).status
  }
  expect(await Promise.all([dead(['kick_user']), dead(['dead_letters']), dead(['fleet/#'])])).toEqual([403, 200, 200])
})

describe('a machine whose clock is changed by an hour', () => {
  const { now } = Date
  afterEach(() => {
    Date.now = now
  })
  test.each([3_600_000, -3_600_000])('logs nobody out and refuses nobody: %i ms', async (by) => {
    const exp = seconds() + 1_800
    const alice = await stage.device('alice', { token: tokenOf('alice', { exp }) })
    const token = tokenOf('bob-of-the-clock', { exp, nbf: seconds(), iat: seconds() })
    Date.now = () => now() + by
    const bob = await stage.device('bob-of-the-clock', { token })
    for (const one of [alice, bob]) expect(await one.asks('whoami')).toMatchObject({ event: 'session_info' })
    await alice.asks('refresh_session', { token: tokenFor('alice', stage.secret, { exp, iat: exp - 1_800 }) })
    expect(await alice.asks('whoami')).toMatchObject({ event: 'session_info' })
  })
})

test('a ban and a revocation survive a killed broker', async () => {
  const parts = await Parts.open()
  try {
    const secret = parts.env['SECRET']!
    const boss = await asOperator({ device: (sub, options) => parts.device(sub, options), secret })
    await (await parts.device('bob')).leaves() // with a kept session, as dora has
    await (
      await parts.device('dora', { clientId: 'tablet', token: tokenFor('dora', secret, { jti: 'tablet' }) })
    ).leaves()
    await boss.asks('ban_user', { user_id: 'bob' })
    await boss.asks('revoke_token', { jti: 'lost', exp: seconds() + 3_600 })
    await parts.killBroker()
    await parts.startBroker()
    await expect(parts.device('bob')).rejects.toMatchObject({ code: 0x8a })
    const lost = { token: tokenFor('dora', secret, { jti: 'lost' }) }
    await expect(parts.device('dora', lost)).rejects.toMatchObject({ code: 0x87 })
    await (await parts.device('dora')).leaves()
    await boss.isBack()
    expect(await boss.asks('kick_user', { user_id: 'bob' })).toMatchObject({ sessions: 0 })
    expect(await boss.asks('revoke_token', { jti: 'tablet' })).toMatchObject({ sessions: 1 })
  } finally {
    await parts.close()
  }
})

test('what a banned user has already sent is ignored, their will included', async () => {
  const eve = await stage.device('eve', {
    mqtt: { will: { topic: 'request_contact', payload: Buffer.from('{"user_id":"frank"}'), qos: 1, retain: false } },
  })
  const frank = await stage.device('frank')
  const end = endOf(eve)
  await operator.asks('ban_user', { user_id: 'eve' })
  await end
  expect(await frank.asks('get_contact_list')).toMatchObject({ contacts: [] })
  expect(await frank.unread()).toEqual([])
})
