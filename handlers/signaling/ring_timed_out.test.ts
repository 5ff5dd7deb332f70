import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, clock } = await stage(['contacts', 'signaling'], { RING_TIMEOUT: '3000' })

test('a call answered in time is not missed, and no device can send ring_timed_out', async () => {
  await befriend(alice, bob)
  const body = 'v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n'
  await alice.calls('signal', { target: 'bob', type: 'offer', body, call_id: 'c1' })
  await bob.calls('signal', { target: 'alice', type: 'answer', body, call_id: 'c1' })
  expect(await bob.calls('ring_timed_out' as never, { call: 'alice bob c1' } as never)).toBeRefused('unknown_command')
  await clock.passes(2_999)
  await alice.calls('signal', { target: 'bob', type: 'offer', body, call_id: 'c2' })
  await clock.passes(1) // the first one would be missed now
  await clock.passes(3_000)
  for (const one of [alice, bob]) {
    const changes = ['c1 ringing', 'c1 answered', 'c2 ringing', 'c2 missed']
    expect(
      one
        .unread()
        .flatMap(({ event, call_id, state }) =>
          event === 'call_changed' ? [`${String(call_id)} ${String(state)}`] : [],
        ),
    ).toEqual(changes)
  }
})
