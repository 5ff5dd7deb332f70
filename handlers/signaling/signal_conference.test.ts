import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['signaling'])
})
afterAll(() => stage.close())

const SDP = 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n'

test('one publish reaches every other participant, or its target, and nobody else', async () => {
  const names = ['alice', 'bob', 'carl', 'mallory']
  const [alice, bob, carl, mallory] = await Promise.all(names.map((name) => stage.device(name)))
  const { conference_id, token } = await alice!.asks('create_conference')
  for (const one of [bob!, carl!]) await one.asks('join_conference', { conference_id, token })
  await Promise.all([alice!.unread(), bob!.unread(), carl!.unread()])
  const says = (by: typeof alice, fields: object) => by!.asks('signal_conference', { conference_id, ...fields })
  expect(await says(bob, { type: 'offer', body: SDP })).toMatchObject({ event: 'signal_relayed', conference_id })
  expect(await alice!.receives('signal')).toMatchObject({ origin: 'bob', conference_id, body: SDP, polite: true })
  expect(await carl!.receives('signal')).toMatchObject({ origin: 'bob', conference_id, body: SDP, polite: false })
  expect(await bob!.unread()).toEqual([])
  await says(alice, { type: 'answer', body: SDP, target: 'bob' })
  expect(await bob!.receives('signal')).toMatchObject({ origin: 'alice', type: 'answer' })
  expect(await carl!.unread()).toEqual([])
  expect(await says(mallory, { type: 'bye' })).toMatchObject({ code: 'forbidden' })
  expect(await says(alice, { type: 'bye', target: 'mallory' })).toMatchObject({ code: 'not_found' })
  expect(await says(alice, { type: 'bye', target: 'alice' })).toMatchObject({ code: 'bad_payload' })
  expect(await says(alice, { type: 'offer', body: 'x' })).toMatchObject({ code: 'bad_payload' })
  await carl!.leaves()
  expect(await says(alice, { type: 'bye', target: 'carl' })).toMatchObject({ code: 'offline' })
  expect(await says(alice, { type: 'bye' })).toMatchObject({ event: 'signal_relayed' })
  expect(await bob!.receives('signal')).toMatchObject({ type: 'bye' })
})
