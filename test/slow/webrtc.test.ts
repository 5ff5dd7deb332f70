// @needs coturn, Chromium
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openCallPlace, type CallPlace } from '../call-place.ts'
import { Caller } from '../caller.ts'
import type { Login } from '../phone.ts'

// Two pages in a real browser call each other over the real processes; the media goes directly, or through a real coturn.

let place: CallPlace
beforeAll(async () => {
  place = await openCallPlace('call-page.ts')
})
afterAll(() => place.close())

/** Two contacts, each at a page. The alphabetically first yields when offers collide. */
async function pair(one: string, other: string, policy: Login['policy'] = 'all'): Promise<[Caller, Caller]> {
  await place.befriend(one, other)
  const { browser, site, parts } = place
  const at = { url: parts.wss, policy, secret: parts.env['SECRET']! }
  const open = async (user: string): Promise<Caller> => place.keep(await Caller.open(browser, site, { ...at, user }))
  return [await open(one), await open(other)]
}

/** Waits until each has received twenty more frames from the other, and sound. */
async function mediaFlows(...both: Caller[]): Promise<void> {
  await Promise.all(
    both.map((one) =>
      one.sees(({ connection, videos, audios }, before) => {
        const [video, seen] = [videos[0], before.videos[0] ?? { bytes: 0, frames: 0 }]
        const [audio, heard] = [audios[0], before.audios[0] ?? { bytes: 0 }]
        if (connection !== 'connected' || !video || !audio) return false
        return video.frames >= seen.frames + 20 && video.bytes > seen.bytes + 2_000 && audio.bytes > heard.bytes + 1_000
      }),
    ),
  )
}

/** Closes both pages, and checks that neither has an error. */
async function leave(...both: Caller[]): Promise<void> {
  const faults = await Promise.all(both.map(async (one) => (await one.sight()).faults))
  expect(faults).toEqual([[], []])
  await Promise.all(both.map((one) => one.close()))
}

test.each([
  ['directly', 'all', 'host'],
  ['through coturn, with the credentials given out', 'relay', 'relay'],
] as const)('two pages call each other; picture and sound go both ways %s', async (_, policy, way) => {
  const [alice, bob] = await pair(`alice-${policy}`, `bob-${policy}`, policy)
  await alice.calls(bob, 'c1')
  await mediaFlows(alice, bob)
  for (const one of [alice, bob]) {
    const { callId, way: taken, collisions } = await one.sight()
    expect({ callId, way: taken?.local, collisions }).toEqual({ callId: 'c1', way, collisions: 0 })
  }
  expect(await bob.asks('get_call_list')).toMatchObject({ calls: [{ call_id: 'c1', state: 'answered' }] })
  await leave(alice, bob)
})

test.each(['all', 'relay'] as const)(
  'a call outlives the broker (%s), and is renegotiated after its restart',
  async (policy) => {
    const [carl, dora] = await pair(`carl-${policy}`, `dora-${policy}`, policy)
    const both = [carl, dora]
    await carl.calls(dora, 'c1')
    await mediaFlows(...both)

    await place.parts.killBroker()
    await Promise.all(both.map((one) => one.sees(({ isOnline }) => !isOnline)))
    await mediaFlows(...both)
    await mediaFlows(...both)
    for (const one of both) expect(await one.sight()).toMatchObject({ isOnline: false, resumed: [false] })

    await place.parts.startBroker()
    await Promise.all(both.map((one) => one.sees(({ isOnline }) => isOnline)))
    for (const one of both) expect((await one.sight()).resumed).toEqual([false, true])
    await mediaFlows(...both)

    const before = await Promise.all(both.map((one) => one.sight()))
    await carl.restartsIce()
    await Promise.all(both.map((one, i) => one.sees((now, then) => now.fragment !== then.fragment, before[i])))
    await mediaFlows(...both)
    await dora.addsPicture()
    await carl.sees(({ videos }) => videos.length === 2 && videos.every(({ frames }) => frames >= 20))
    await mediaFlows(...both)
    for (const one of both) expect(await one.sight()).toMatchObject({ callId: 'c1', collisions: 0 })
    await leave(carl, dora)
  },
)

test('two users who call each other at the same moment end up in one call', async () => {
  const [eve, finn] = await pair('eve', 'finn')
  await Promise.all([eve.holds(), finn.holds()])
  await Promise.all([eve.calls(finn, 'of-eve'), finn.calls(eve, 'of-finn')])
  await mediaFlows(eve, finn)
  for (const one of [eve, finn]) expect(await one.sight()).toMatchObject({ callId: 'of-finn', collisions: 1 })
  expect(await eve.asks('get_call_list')).toMatchObject({
    calls: expect.arrayContaining([
      expect.objectContaining({ call_id: 'of-eve', state: 'cancelled' }),
      expect.objectContaining({ call_id: 'of-finn', state: 'answered' }),
    ]),
  })
  await leave(eve, finn)
})

test('two users who call each other at the same moment with the same call id end up in one call', async () => {
  const [ida, jon] = await pair('ida', 'jon')
  await Promise.all([ida.holds(), jon.holds()])
  await Promise.all([ida.calls(jon, 'c1'), jon.calls(ida, 'c1')])
  await mediaFlows(ida, jon)
  for (const one of [ida, jon]) expect(await one.sight()).toMatchObject({ callId: 'c1', collisions: 1 })
  expect(await ida.asks('get_call_list')).toMatchObject({ calls: [{ call_id: 'c1', state: 'answered' }] })
  await leave(ida, jon)
})

test('two users who renegotiate at the same moment stay in their call', async () => {
  const [gina, hal] = await pair('gina', 'hal')
  await gina.calls(hal, 'c1')
  await mediaFlows(gina, hal)
  await Promise.all([gina.holds(), hal.holds()])
  await Promise.all([gina.addsPicture(), hal.addsPicture()])
  for (const one of [gina, hal]) {
    await one.sees(({ videos }) => videos.length === 2 && videos.every(({ frames }) => frames >= 20))
    expect(await one.sight()).toMatchObject({ callId: 'c1', collisions: 1 })
  }
  await mediaFlows(gina, hal)
  await leave(gina, hal)
})
