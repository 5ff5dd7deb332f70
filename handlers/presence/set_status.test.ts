import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend, comes } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'presence'])
})
afterAll(() => stage.close())

test('contacts hear of a new status and its text, and of nothing when nothing has changed', async () => {
  const [alice, bob] = [await comes(stage, 'alice'), await comes(stage, 'bob')]
  await befriend(alice, bob)
  expect(await bob.asks('set_status', { status: 'busy', text: 'in a call' })).toMatchObject({
    event: 'status_set',
    status: 'busy',
    text: 'in a call',
  })
  expect(await alice.receives('user_status')).toMatchObject({ user_id: 'bob', status: 'busy', text: 'in a call' })
  await bob.asks('set_status', { status: 'busy', text: 'in a call' })
  await bob.asks('set_status', { status: 'available' })
  const heard = await alice.receives('user_status')
  expect(heard).toMatchObject({ status: 'available' })
  expect(heard).not.toHaveProperty('text')
  expect(await alice.unread()).toEqual([])
})

test('an invisible user looks offline: contacts see them go, see no changes, and see them come back', async () => {
  const [carl, dora] = [await comes(stage, 'carl'), await comes(stage, 'dora')]
  await befriend(carl, dora)
  await dora.asks('set_status', { status: 'invisible' })
  const gone = await carl.receives('user_offline')
  expect(gone).toMatchObject({ user_id: 'dora' })
  expect(gone).not.toHaveProperty('last_seen')
  await dora.asks('set_status', { status: 'invisible', text: 'still here' })
  expect(await carl.asks('get_user_list')).toMatchObject({ users: [] })
  expect(await dora.asks('get_user_list')).toMatchObject({ users: [{ user_id: 'carl' }] })
  await dora.asks('set_status', { status: 'away' })
  expect(await carl.receives('user_online')).toMatchObject({ user_id: 'dora', status: 'away' })
  expect(await carl.unread()).toEqual([])
})

test('tells when a user was last seen only if they allow it', async () => {
  const [eve, finn] = [await comes(stage, 'eve'), await comes(stage, 'finn')]
  await befriend(eve, finn)
  await finn.asks('set_status', { status: 'available', last_seen: false })
  await finn.leaves()
  const gone = await eve.receives('user_offline')
  expect(gone).toMatchObject({ user_id: 'finn' })
  expect(gone).not.toHaveProperty('last_seen')
})

test.each([
  ['an unknown status', { status: 'dancing' }, 'status'],
  ['no status', {}, 'status'],
  ['a text of 281 characters', { status: 'away', text: 'x'.repeat(281) }, 'text'],
  ['a text without anything visible', { status: 'away', text: '\u2060' }, 'text'],
  ['a control character', { status: 'away', text: 'a\u0000b' }, 'text'],
])('%s is refused, naming the field', async (_, fields, wrong) => {
  const gus = await stage.device('gus')
  expect(await gus.asks('set_status', fields)).toMatchObject({
    code: 'bad_payload',
    fields: { [wrong]: expect.any(String) },
  })
})

test('reaches connected devices only: it is kept in no inbox and in no offline session', async () => {
  const [wil, xen] = [await comes(stage, 'wil'), await comes(stage, 'xen')]
  await befriend(wil, xen)
  const { last } = await xen.asks('whoami')
  const kept = { clientId: 'phone', mqtt: { clean: false, properties: { sessionExpiryInterval: 600 } } }
  await (await stage.device('xen', kept)).leaves()
  await wil.asks('set_status', { status: 'away' })
  expect(await xen.receives('user_status')).not.toHaveProperty('event_seq')
  await xen.leaves()
  await wil.asks('set_status', { status: 'busy' })
  const back = await stage.device('xen', kept)
  expect((await back.unread()).filter(({ status }) => status === 'busy')).toEqual([])
  expect(await back.asks('whoami')).toMatchObject({ last })
})

test('however often a status changes, others hear the latest and not every one', async () => {
  const [yan, zoe] = [await comes(stage, 'yan'), await comes(stage, 'zoe')]
  await befriend(yan, zoe)
  const began = performance.now()
  for (let i = 0; i < 100; i++) {
    yan.mqtt.publish('set_status', JSON.stringify({ status: 'busy', text: `${i}` }), { qos: 0 })
  }
  await yan.asks('set_status', { status: 'away', text: 'the last' })
  const heard = [await zoe.receives('user_status')]
  while (heard.at(-1)!['text'] !== 'the last') heard.push(await zoe.receives('user_status'))
  expect(heard.length).toBeLessThanOrEqual(2 + (performance.now() - began) / 200)
})
