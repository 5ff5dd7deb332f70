import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, mallory } = await stage('signaling')

const SDP = 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n'

test('one publish reaches every other participant, or its target, and nobody else', async () => {
  const { conference_id, token } = (await alice.calls('create_conference')).as('conference_created')
  for (const one of [bob, carl]) await one.calls('join_conference', { conference_id, token })
  for (const one of [alice, bob, carl]) one.unread()
  const says = (by: typeof alice, fields: { type: 'offer' | 'answer' | 'bye'; body?: string; target?: string }) =>
    by.calls('signal_conference', { conference_id, ...fields })
  expect(await says(bob, { type: 'offer', body: SDP })).toAnswer('signal_relayed', { conference_id })
  alice.receives('signal', { origin: 'bob', conference_id, body: SDP, polite: true })
  carl.receives('signal', { origin: 'bob', conference_id, body: SDP, polite: false })
  expect(bob.unread()).toEqual([])
  await says(alice, { type: 'answer', body: SDP, target: 'bob' })
  bob.receives('signal', { origin: 'alice', type: 'answer' })
  expect(carl.unread()).toEqual([])
  expect(await says(mallory, { type: 'bye' })).toBeRefused('forbidden')
  expect(await says(alice, { type: 'bye', target: 'mallory' })).toBeRefused('not_found')
  expect(await says(alice, { type: 'bye', target: 'alice' })).toBeRefused('bad_payload')
  expect(await says(alice, { type: 'offer', body: 'x' })).toBeRefused('bad_payload')
  expect(await says(alice, { type: 'bye' })).toAnswer('signal_relayed')
  bob.receives('signal', { type: 'bye' })
})
