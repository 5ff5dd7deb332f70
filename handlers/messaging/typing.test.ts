import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend, gather } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups', 'messaging'])
})
afterAll(() => stage.close())

test('a contact sees the user typing; a stranger and a user who blocks them do not', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  await befriend(alice, bob)
  await alice.mqtt.publishAsync('typing', '{"to":"bob"}', { qos: 0 })
  expect(await bob.receives('user_typing')).toMatchObject({ user_id: 'alice' })
  expect(await alice.asks('typing', { to: 'zed' })).toMatchObject({ code: 'forbidden' })
  await bob.asks('block_user', { user_id: 'alice' })
  await bob.unread()
  await alice.sends('typing', { to: 'bob' })
  await alice.asks('get_messages', { with: 'bob' })
  expect(await bob.unread()).toEqual([])
})

test('is never stored: an offline user does not find it later, and the typing user cannot tell', async () => {
  const [finn, gus] = [await stage.device('finn'), await stage.device('gus')]
  await befriend(finn, gus)
  await gus.leaves()
  const kept = { clientId: 'phone', mqtt: { clean: false, properties: { sessionExpiryInterval: 600 } } }
  await (await stage.device('gus', kept)).leaves()
  await finn.mqtt.publishAsync('typing', '{"to":"gus"}', { qos: 0 })
  await finn.asks('get_messages', { with: 'gus' })
  const back = await stage.device('gus', kept)
  expect(await back.unread()).toEqual([])
  await finn.mqtt.publishAsync('typing', '{"to":"gus"}', { qos: 0 })
  const seen = await back.receives('user_typing')
  expect(seen).not.toHaveProperty('event_seq')
  expect((await finn.unread()).filter(({ event }) => event !== 'messages')).toEqual([])
})

test('the other members of a group see a user typing, the user does not', async () => {
  const [carl, dora, eve] = [await stage.device('carl'), await stage.device('dora'), await stage.device('eve')]
  const group_id = await gather(carl, dora, eve)
  await carl.mqtt.publishAsync('typing', JSON.stringify({ group_id }), { qos: 0 })
  for (const one of [dora, eve]) expect(await one.receives('user_typing')).toMatchObject({ user_id: 'carl', group_id })
  expect(await carl.unread()).toEqual([])
})

test('however often a user types, another sees it at most once a second, and sees the latest place', async () => {
  const [hal, ida, jon] = [await stage.device('hal'), await stage.device('ida'), await stage.device('jon')]
  const group_id = await gather(hal, ida)
  await befriend(jon, ida)
  const began = performance.now()
  for (let i = 0; i < 200; i++) hal.mqtt.publish('typing', '{"to":"ida"}', { qos: 0 })
  for (let i = 0; i < 200; i++) hal.mqtt.publish('typing', JSON.stringify({ group_id }), { qos: 0 })
  await hal.asks('get_messages', { with: 'ida' })
  await jon.mqtt.publishAsync('typing', '{"to":"ida"}', { qos: 0 })
  const seen = [await ida.receives('user_typing')]
  const has = (field: string, value: unknown): boolean => seen.some((one) => one[field] === value)
  while (!has('group_id', group_id) || !has('user_id', 'jon')) seen.push(await ida.receives('user_typing'))
  const seconds = (performance.now() - began) / 1_000
  expect(seen.filter(({ user_id }) => user_id === 'hal').length).toBeLessThanOrEqual(2 + seconds)
})
