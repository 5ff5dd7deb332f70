// @needs coturn, Chromium
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openCallPlace, type CallPlace } from '../../call-place.ts'
import { tokenFor } from '../../device.ts'
import type { Parts } from '../../parts.ts'
import { Talker, type Flow, type Person } from '../../page/talk.ts'

// The client's calls and conferences in a real browser, with real processes and a real coturn.

let place: CallPlace
let parts: Parts
beforeAll(async () => {
  place = await openCallPlace('talk-page.ts', { TURN_TTL: '60', RING_TIMEOUT: '8000' })
  parts = place.parts
  const pair = await meet(['ruth', 'sid'], { policy: 'relay' })
  await dials(pair[0], 'sid')
  await answers(pair[1])
  await mediaFlow(...pair)
  relayed = Object.assign(pair, { flows: await Promise.all(pair.map(flow)) })
})
afterAll(() => place.close())

/** A relayed call that lasts through all tests; its credentials expire after a minute. */
let relayed: [Talker, Talker] & { flows: Flow[] }

async function comes(user: string, more: Partial<Person> = {}): Promise<Talker> {
  const token = tokenFor(user, parts.env['SECRET']!)
  return place.keep(
    await Talker.open(place.browser, place.site, { url: parts.wss, user, token, policy: 'all', ...more }),
  )
}

/** Users who are mutual contacts, each at a page. Of two, the alphabetically first yields when offers collide. */
async function meet<Users extends string[]>(users: [...Users], more: Partial<Person> = {}) {
  await place.befriend(...users)
  return (await Promise.all(users.map((user) => comes(user, more)))) as { [Each in keyof Users]: Talker }
}

async function dials(one: Talker, user: string): Promise<void> {
  await one.does(async (talk, to) => talk.watches(await talk.calls.dial(to, talk.media)), user)
}

async function answers(one: Talker): Promise<void> {
  await one.does(async (talk) => {
    await talk.until(() => talk.incoming.length > 0)
    await talk.call.answer(talk.media)
  })
}

const mediaFlow = (...all: Talker[]): Promise<unknown> =>
  Promise.all(all.map((one) => one.does((talk) => talk.mediaFlow())))

/** Tells when this page's call has ended, and why. */
const ends = (one: Talker): Promise<string | undefined> =>
  one.does(async (talk) => {
    await talk.until(() => talk.call.state === 'ended')
    return talk.call.end?.code
  })
const rings = (one: Talker, calls = 1): Promise<void> =>
  one.does((talk, count) => talk.until(() => talk.incoming.length >= count), calls)
const flow = (one: Talker) => one.does((talk) => talk.flow())
/** Restarts the broker, and lets the pages notice at once. */
async function comesBack(...all: Talker[]): Promise<void> {
  await parts.startBroker()
  await Promise.all(
    all.map((one) =>
      one.does(async (talk) => {
        talk.wakes()
        await talk.until(() => talk.isOnline())
      }),
    ),
  )
}

const leave = (...all: Talker[]): Promise<unknown> => Promise.all(all.map((one) => one.close()))

test.each([
  ['directly', 'all', 'host'],
  ['through coturn', 'relay', 'relay'],
] as const)(
  'a call is dialled and answered; picture and sound go both ways %s, until one hangs up',
  async (_, policy, way) => {
    const [alice, bob] = await meet([`alice-${policy}`, `bob-${policy}`], { policy })
    await dials(alice, bob.user)
    await answers(bob)
    await mediaFlow(alice, bob)
    for (const one of [alice, bob]) expect((await flow(one)).way).toBe(way)
    await bob.does((talk) => talk.call.hangUp())
    expect(await ends(alice)).toBe('ended')
    for (const one of [alice, bob]) {
      expect(await one.does((talk) => talk.states)).toEqual(['connecting', 'connected', 'ended'])
      const states = await one.does((talk) => talk.call.localStream!.getTracks().map((track) => track.readyState))
      expect(states).toEqual(['ended', 'ended'])
      expect(await one.does((talk) => talk.calls.active.length)).toBe(0)
    }
    await leave(alice, bob)
  },
)

test('why there is no call is told in words: declined, busy, cancelled, missed, away, no contact, no camera', async () => {
  const [carl, dora] = await meet(['carl', 'dora'])
  await dials(carl, dora.user)
  await rings(dora)
  await dora.does((talk) => talk.call.decline())
  expect(await ends(carl)).toBe('declined')
  await dials(carl, dora.user)
  await rings(dora, 2)
  await dora.does((talk) => talk.call.decline('busy'))
  expect(await ends(carl)).toBe('busy')
  await dials(carl, dora.user)
  await rings(dora, 3)
  await carl.does((talk) => talk.call.hangUp())
  expect(await ends(dora)).toBe('cancelled')
  await dials(carl, dora.user)
  await rings(dora, 4)
  expect(await Promise.all([ends(carl), ends(dora)])).toEqual(['missed', 'missed'])
  const refusal = (user: string, media?: MediaStreamConstraints) =>
    carl.does(
      (talk, to) =>
        talk.calls.dial(to.user, to.media ?? talk.media).then(
          () => 'rings',
          (err: { code: string; message: string }) => `${err.code}: ${err.message}`,
        ),
      { user, media },
    )
  expect(await refusal(dora.user, { video: { deviceId: { exact: 'none' } } })).toMatch(/^no_device: there is no camera/)
  expect(await refusal('a-stranger')).toMatch(/^forbidden: you cannot call them/)
  await dora.close()
  expect(await refusal(dora.user)).toMatch(/^offline: they are away/)
  await carl.close()
})

test('all devices of a user ring; when one answers, the others stop, and do not ring again in the call', async () => {
  const [eve, finn] = await meet(['eve', 'finn'])
  const tablet = await comes('finn')
  await dials(eve, finn.user)
  await Promise.all([rings(finn), rings(tablet)])
  await answers(tablet)
  expect(await ends(finn)).toBe('answered_elsewhere')
  await mediaFlow(eve, tablet)
  const later = await comes('finn')
  const before = await flow(eve)
  await eve.does((talk) => talk.call.restart())
  await eve.does((talk, then) => talk.until(async () => (await talk.flow()).fragment !== then), before.fragment)
  await mediaFlow(eve, tablet)
  for (const one of [finn, later]) expect(await one.does((talk) => talk.calls.active.length)).toBe(0)
  expect(await later.does((talk) => talk.incoming.length)).toBe(0)
  await tablet.close() // closing a page hangs up
  expect(await ends(eve)).toBe('ended')
  await leave(eve, finn, later)
})

test('two who dial each other at the same moment are in one call, and renegotiate at the same moment', async () => {
  const [gina, hal] = await meet(['gina', 'hal'])
  const sound = (one: Talker, user: string): Promise<void> =>
    one.does(async (talk, to) => talk.watches(await talk.calls.dial(to, { audio: true })), user)
  await Promise.all([sound(gina, hal.user), sound(hal, gina.user)])
  for (const one of [gina, hal]) await one.does((talk) => talk.until(() => talk.call.state === 'connected'))
  const ids = await Promise.all([gina, hal].map((one) => one.does((talk) => talk.call.id)))
  expect(ids[0]).toBe(ids[1])
  for (const one of [gina, hal]) expect(await one.does((talk) => talk.calls.active.length)).toBe(1)
  const addsPicture = (one: Talker): Promise<void> =>
    one.does(async (talk) => {
      const { video } = talk.media
      talk.call.replace((await navigator.mediaDevices.getUserMedia({ video: video! })).getTracks()[0]!)
    })
  await Promise.all([addsPicture(gina), addsPicture(hal)])
  await mediaFlow(gina, hal)
  await gina.does((talk) => talk.call.hangUp())
  expect(await ends(hal)).toBe('ended')
  await leave(gina, hal)
})

test('when the network changes the call takes another way, and a call that was cut off comes back', async () => {
  const [ida, jon] = await meet(['ida', 'jon'])
  const network = await ida.page.context().newCDPSession(ida.page)
  const lose = (packetLoss: number) =>
    network.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 1,
      downloadThroughput: -1,
      uploadThroughput: -1,
      packetLoss,
    })
  await lose(0) // emulation applies only to sockets opened after it was set
  await dials(ida, jon.user)
  await answers(jon)
  await mediaFlow(ida, jon)
  const before = await flow(ida)
  await ida.does(() => void dispatchEvent(new Event('online')))
  await ida.does((talk, then) => talk.until(async () => (await talk.flow()).fragment !== then), before.fragment)
  await mediaFlow(ida, jon)
  await lose(100)
  for (const one of [ida, jon]) await one.does((talk) => talk.until(() => talk.call.state === 'reconnecting'))
  await lose(0)
  for (const one of [ida, jon]) await one.does((talk) => talk.until(() => talk.call.state === 'connected'))
  await mediaFlow(ida, jon)
  await leave(ida, jon)
})

test('a screen takes the place of the camera without negotiation, a muted one stays muted, and the camera comes back', async () => {
  const [kim, leo] = await meet(['kim', 'leo'])
  await dials(kim, leo.user)
  await answers(leo)
  await mediaFlow(kim, leo)
  await kim.does((talk) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 240, height: 320 })
    setInterval(() => canvas.getContext('2d')!.fillRect(Math.random() * 200, Math.random() * 280, 40, 40), 50)
    talk.camera = talk.call.replace(canvas.captureStream(15).getVideoTracks()[0]!)!
  })
  await leo.does((talk) => talk.until(async () => (await talk.flow()).isUpright))
  await mediaFlow(kim, leo)
  expect(await kim.does((talk) => talk.camera!.readyState)).toBe('live')
  await kim.does((talk) => {
    talk.call.mute('video')
    talk.call.replace(talk.camera!)
  })
  expect(await kim.does((talk) => [talk.call.isMuted('video'), talk.call.isMuted('audio')])).toEqual([true, false])
  await kim.does((talk) => talk.call.unmute('video'))
  await leo.does((talk) => talk.until(async () => !(await talk.flow()).isUpright))
  await mediaFlow(kim, leo)
  await leave(kim, leo)
})

test('media go on while the broker is away; what was signalled meanwhile is sent after, and so is a hang-up', async () => {
  const [mia, ned] = await meet(['mia', 'ned'])
  await dials(mia, ned.user)
  await answers(ned)
  await mediaFlow(mia, ned)
  const before = await flow(ned)
  await parts.killBroker()
  for (const one of [mia, ned]) await one.does((talk) => talk.until(() => !talk.isOnline()))
  await mediaFlow(mia, ned)
  await ned.does((talk) => talk.call.restart())
  await mediaFlow(mia, ned)
  await comesBack(mia, ned)
  await ned.does((talk, then) => talk.until(async () => (await talk.flow()).fragment !== then), before.fragment)
  await mediaFlow(mia, ned)
  await parts.killBroker()
  for (const one of [mia, ned]) await one.does((talk) => talk.until(() => !talk.isOnline()))
  await mia.does((talk) => void talk.call.hangUp())
  await comesBack(mia, ned)
  expect(await ends(ned)).toBe('ended')
  expect(await ned.does((talk) => talk.callList())).toMatchObject([{ state: 'ended' }])
  await leave(mia, ned)
})

test('three are in a conference, all see all; one shares a screen, one comes back in a new page, one leaves', async () => {
  const [olga, pit, quinn] = await meet(['olga', 'pit', 'quinn'])
  await olga.does(async (talk) => {
    talk.sits(await talk.calls.createConference(talk.media, { title: 'Three', invite: ['pit', 'quinn'] }))
  })
  const join = (one: Talker): Promise<void> =>
    one.does(async (talk) => {
      await talk.until(() => talk.invitations.length > 0)
      talk.sits(await talk.calls.joinConference(talk.invitations[0]!, talk.media))
    })
  await Promise.all([join(pit), join(quinn)])
  const seeEachOther = (...all: Talker[]): Promise<unknown> =>
    Promise.all(
      all.map((one) =>
        one.does(async (talk, count) => {
          const others = talk.conference.participants
          await talk.until(
            () => others.size === count && [...others.values()].every(({ state }) => state === 'connected'),
          )
          await Promise.all([...others.values()].map((other) => talk.mediaFlow(other)))
        }, all.length - 1),
      ),
    )
  await seeEachOther(olga, pit, quinn)
  await olga.does((talk) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 240, height: 320 })
    setInterval(() => canvas.getContext('2d')!.fillRect(Math.random() * 200, Math.random() * 280, 40, 40), 50)
    talk.conference.replace(canvas.captureStream(15).getVideoTracks()[0]!)
  })
  for (const one of [pit, quinn]) {
    await one.does((talk) =>
      talk.until(async () => (await talk.flow(talk.conference.participants.get('olga'))).isUpright),
    )
  }
  const { id, token } = await quinn.does((talk) => ({ id: talk.conference.id, token: talk.conference.token }))
  const anew = await comes('quinn')
  await anew.does(async (talk, seat) => talk.sits(await talk.calls.joinConference(seat, talk.media)), {
    conference_id: id,
    token,
  })
  await quinn.does((talk) => talk.until(() => talk.heard.includes('ended joined_elsewhere')))
  await seeEachOther(olga, pit, anew)
  await pit.does((talk) => talk.conference.leave())
  await olga.does((talk) => talk.until(() => talk.heard.includes('pit left')))
  await seeEachOther(olga, anew)
  await olga.does((talk) => talk.conference.endForAll())
  await anew.does((talk) => talk.until(() => talk.heard.includes('ended ended')))
  await leave(olga, pit, quinn, anew)
})

test('credentials of the relay are renewed before they end, and the call goes on with the new ones', async () => {
  const [ruth, sid] = relayed
  for (const [i, one] of [ruth, sid].entries()) {
    await one.does(
      (talk, then) => talk.until(async () => (await talk.flow()).fragment !== then),
      relayed.flows[i]!.fragment,
    )
    expect((await flow(one)).way).toBe('relay')
  }
  await mediaFlow(ruth, sid)
  await leave(ruth, sid)
})
