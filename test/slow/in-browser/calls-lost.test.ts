// @needs coturn, Chromium
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openCallPlace, type CallPlace } from '../../call-place.ts'
import { tokenFor } from '../../device.ts'
import { Talker } from '../../page/talk.ts'

// What becomes of calls and conferences when pages vanish or are loaded anew, and over an outage of the broker.

let place: CallPlace
beforeAll(async () => {
  place = await openCallPlace('talk-page.ts')
})
afterAll(() => place.close())

async function comes(user: string): Promise<Talker> {
  const token = tokenFor(user, place.parts.env['SECRET']!)
  return place.keep(await Talker.open(place.browser, place.site, { url: place.parts.wss, user, token, policy: 'all' }))
}

async function meet<Users extends string[]>(...users: Users) {
  await place.befriend(...users)
  return (await Promise.all(users.map(comes))) as { [Each in keyof Users]: Talker }
}

async function call(one: Talker, other: Talker): Promise<void> {
  await one.does(async (talk, to) => talk.watches(await talk.calls.dial(to, talk.media)), other.user)
  await other.does(async (talk) => {
    await talk.until(() => talk.incoming.length > 0)
    await talk.call.answer(talk.media)
  })
  await mediaFlow(one, other)
}

const each = <Told>(all: Talker[], does: (one: Talker) => Promise<Told>): Promise<Told[]> => Promise.all(all.map(does))
const mediaFlow = (...all: Talker[]) => each(all, (one) => one.does((talk) => talk.mediaFlow()))
const leave = (...all: Talker[]) => each(all, (one) => one.close())

/** Kills the broker, and starts it anew when all have noticed. */
async function restartBroker(all: Talker[]): Promise<void> {
  await place.parts.killBroker()
  await each(all, (one) => one.does((talk) => talk.until(() => !talk.isOnline())))
  await place.parts.startBroker()
  await each(all, (one) =>
    one.does(async (talk) => {
      talk.wakes()
      await talk.until(() => talk.isOnline())
    }),
  )
}

test('a call whose other device vanishes is lost after a minute, and is then over for both users', async () => {
  const [alice, bob] = await meet('alice', 'bob')
  await call(alice, bob)
  await bob.dies()
  await alice.does((talk) => talk.until(() => talk.call.state === 'reconnecting'))
  await alice.page.waitForFunction("talk.call.state === 'ended'", undefined, { timeout: 90_000 })
  expect(
    await alice.does((talk) => ({
      code: talk.call.end?.code,
      states: talk.states,
      active: talk.calls.active.length,
      tracks: talk.call.localStream!.getTracks().map(({ readyState }) => readyState),
    })),
  ).toEqual({
    code: 'lost',
    states: ['connecting', 'connected', 'reconnecting', 'ended'],
    active: 0,
    tracks: ['ended', 'ended'],
  })
  await bob.close()
  const later = await comes('bob')
  await later.does((talk) => talk.until(async () => (await talk.callList())[0]?.state === 'ended'))
  expect(await later.does((talk) => talk.incoming.length)).toBe(0)
  await leave(alice, later)
})

test('two who both load their pages anew in mid-call are in no call, and call each other again', async () => {
  const [carl, dora] = await meet('carl', 'dora')
  await call(carl, dora)
  await each([carl, dora], (one) => one.reloads())
  for (const one of [carl, dora]) {
    await one.does((talk) => talk.until(async () => (await talk.callList()).every(({ state }) => state === 'ended')))
    expect(await one.does((talk) => [talk.calls.active.length, talk.incoming.length])).toEqual([0, 0])
  }
  await call(dora, carl)
  await leave(carl, dora)
})

test('seats of a conference outlast an outage of the broker: nobody leaves, media go on, and who comes later meets all', async () => {
  const [gina, hal, ida] = await meet('gina', 'hal', 'ida')
  await gina.does(async (talk) => talk.sits(await talk.calls.createConference(talk.media, { invite: ['hal', 'ida'] })))
  const joins = (one: Talker): Promise<void> =>
    one.does(async (talk) => {
      await talk.until(() => talk.invitations.length > 0)
      talk.sits(await talk.calls.joinConference(talk.invitations[0]!, talk.media))
    })
  const see = (one: Talker, others: string[]): Promise<void> =>
    one.does(async (talk, users) => {
      const found = () => users.map((user) => talk.conference.participants.get(user))
      await talk.until(() => found().every((other) => other?.state === 'connected'))
      await Promise.all(found().map((other) => talk.mediaFlow(other)))
    }, others)
  await joins(hal)
  await Promise.all([see(gina, ['hal']), see(hal, ['gina'])])
  const before = await each([gina, hal], (one) => one.does((talk) => [...talk.heard]))
  await restartBroker([gina, hal, ida])
  await Promise.all([see(gina, ['hal']), see(hal, ['gina'])])
  await joins(ida)
  await Promise.all([see(gina, ['hal', 'ida']), see(hal, ['gina', 'ida']), see(ida, ['gina', 'hal'])])
  const after = await each([gina, hal], (one) => one.does((talk) => talk.heard))
  expect(after).toEqual(before.map((heard) => [...heard, 'ida joined']))
  await leave(gina, hal, ida)
})
