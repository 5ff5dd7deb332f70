import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend } from '../../friends.ts'
import { Parts } from '../../parts.ts'

// What a broker that is killed in the middle of a call must still deliver: queued signals, and the end of the ringing.

const SDP = 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n'
let parts: Parts
beforeAll(async () => {
  parts = await Parts.open({ RING_TIMEOUT: '3000' })
  await parts.startHandlers()
  await parts.startHandlers('signaling')
})
afterAll(() => parts.close())

test('queued signals arrive after the restart, in order and once', async () => {
  const [alice, bob] = [await parts.device('alice'), await parts.device('bob')]
  await befriend(alice, bob)
  const candidate = (i: number) => ({ candidate: `candidate:${i} 1 udp 1 192.0.2.1 5000 typ host`, sdpMLineIndex: i })
  for (let i = 0; i < 20; i++) {
    const answer = await alice.asks('signal', { target: 'bob', type: 'candidate', body: candidate(i) })
    expect(answer).toMatchObject({ event: 'signal_relayed' })
  }
  await parts.killBroker()
  await parts.startBroker()
  await Promise.all([alice.isBack(), bob.isBack()])
  const heard: number[] = []
  while (heard.length < 20) heard.push((await bob.receives('signal'))['body'] as never)
  expect(heard).toEqual(Array.from({ length: 20 }, (_, i) => candidate(i)))
  expect(await bob.unread()).toEqual([])
})

test('a call that rings when the broker is killed is missed on time, once', async () => {
  const [carl, dora] = [await parts.device('carl'), await parts.device('dora')]
  await befriend(carl, dora)
  await carl.asks('signal', { target: 'dora', type: 'offer', body: SDP, call_id: 'c1' })
  await parts.killBroker()
  await parts.startBroker()
  await Promise.all([carl.isBack(), dora.isBack()])
  for (const one of [carl, dora]) {
    expect(await one.receives('call_changed')).toMatchObject({ call_id: 'c1', state: 'ringing' })
    expect(await one.receives('call_changed')).toMatchObject({ call_id: 'c1', state: 'missed' })
    expect((await one.unread()).filter(({ event }) => event === 'call_changed')).toEqual([])
  }
})
