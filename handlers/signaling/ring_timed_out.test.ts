import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'signaling'], { RING_TIMEOUT: '3000' })
})
afterAll(() => stage.close())

test('a call answered in time is not missed, and no device can send ring_timed_out', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  await befriend(alice, bob)
  const body = 'v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n'
  await alice.asks('signal', { target: 'bob', type: 'offer', body, call_id: 'c1' })
  await bob.asks('signal', { target: 'alice', type: 'answer', body, call_id: 'c1' })
  expect(await bob.asks('ring_timed_out', { call: 'alice bob c1' })).toMatchObject({ code: 'unknown_command' })
  await alice.asks('signal', { target: 'bob', type: 'offer', body, call_id: 'c2' }) // times out after the first one would
  for (const one of [alice, bob]) {
    const states: unknown[] = []
    while (states.at(-1) !== 'c2 missed') {
      const { call_id, state } = await one.receives('call_changed')
      states.push(`${String(call_id)} ${String(state)}`)
    }
    expect(states).toEqual(['c1 ringing', 'c1 answered', 'c2 ringing', 'c2 missed'])
  }
})
