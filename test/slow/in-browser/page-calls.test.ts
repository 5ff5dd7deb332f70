// @needs coturn, Chromium
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { closeAll, type Closable } from '../../../shared/shutdown.ts'
import { buildPage } from '../../../web/build.mjs'
import { openBrowser } from '../../browser.ts'
import { LOOPBACK_PEERS, openCoturn } from '../../coturn.ts'
import { tokenFor } from '../../device.ts'
import { befriend } from '../../friends.ts'
import { Visitor, type Visit } from '../../page/visitor.ts'
import { Parts } from '../../parts.ts'

// Calls and conferences on the web page, over the real processes and a real coturn.

const TURN_SECRET = 'a-secret-of-the-tests'
const GROUPS = ['contacts', 'profiles', 'presence', 'messaging', 'groups', 'signaling', 'turn']
const opened: Closable[] = []
let browser: Browser
let parts: Parts
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'page-'))
  keep({ close: async () => rmSync(folder, { recursive: true }) })
  await buildPage(join(folder, 'web'))
  const coturn = keep(await openCoturn(folder, [...LOOPBACK_PEERS, `--static-auth-secret=${TURN_SECRET}`]))
  browser = keep(await openBrowser())
  const turn = { TURN_URIS: `turn:127.0.0.1:${coturn.port}`, TURN_SECRET, RING_TIMEOUT: '8000' }
  parts = keep(await Parts.open({ WEB: join(folder, 'web'), ...turn }))
  await Promise.all(GROUPS.map((group) => parts.startHandlers(group)))
})
afterAll(() => closeAll(opened))

function keep<T extends Closable>(one: T): T {
  opened.push(one)
  return one
}

/** Users who are contacts of each other, each at a page. */
async function meet(users: string[], more: Partial<Visit> = {}): Promise<Visitor[]> {
  const devices = await Promise.all(users.map((user) => parts.device(user)))
  for (const [i, one] of devices.entries()) for (const other of devices.slice(i + 1)) await befriend(one, other)
  await Promise.all(devices.map((device) => device.leaves()))
  const url = `https://127.0.0.1:${parts.env['WSS_PORT']}/`
  return Promise.all(
    users.map(async (user) =>
      keep(await Visitor.open(browser, { url, user, token: tokenFor(user, parts.env['SECRET']!), ...more })),
    ),
  )
}

async function call(one: Visitor, other: Visitor): Promise<void> {
  await one.goes('chats', 'user', other.user)
  await one.press(`Call ${other.user} with video`)
  await other.sees(other.page.getByText('is calling you'))
  await other.press('With video')
}

test.each([
  ['directly', 'all'],
  ['through coturn', 'relay'],
] as const)('two see each other %s; mute, camera and screen are switched, and one hangs up', async (_, policy) => {
  const [alice, bob] = await meet([`alice-${policy}`, `bob-${policy}`], { policy })
  await call(alice!, bob!)
  await Promise.all([alice!, bob!].map((one) => one.seesMovement()))
  await alice!.press('Mute')
  await alice!.sees(alice!.button('Unmute'))
  await alice!.press('Turn the camera off')
  await alice!.sees(alice!.button('Turn the camera on'))
  await alice!.press('Turn the camera on')
  await bob!.seesMovement()
  await alice!.press('Share the screen')
  await alice!.sees(alice!.page.locator('.tile.screen'))
  await bob!.seesMovement()
  await alice!.press('Stop sharing the screen')
  await alice!.page.locator('.tile.screen').waitFor({ state: 'detached' })
  await bob!.seesMovement()
  await bob!.press('Hang up')
  await alice!.sees('The call is over')
  for (const one of [alice!, bob!]) {
    await one.page.locator('.stage').waitFor({ state: 'detached' })
    expect(one.faults).toEqual([])
    await one.close()
  }
})

test('a call is declined, one is missed, and one to somebody who is away says so', async () => {
  const [carl, dora] = await meet(['carl', 'dora'])
  await carl!.goes('chats', 'user', 'dora')
  await carl!.press('Call dora')
  await dora!.press('Decline')
  await carl!.sees('They declined the call')
  await carl!.press('Call dora')
  await carl!.sees('Nobody answered')
  await dora!.goes('calls')
  await dora!.sees(dora!.page.getByText('Missed'))
  await dora!.close()
  await carl!.press('Call dora')
  await carl!.sees('They are away')
  await carl!.close()
})

test('a call rings once the browser lets the page be heard, until it is declined, and not where ringing is switched off', async () => {
  const [mona, nils] = await meet(['mona', 'nils'])
  await nils!.page.evaluate(() => {
    const Real = AudioContext
    const sounds: AudioContext[] = []
    globalThis.AudioContext = class extends Real {
      constructor() {
        super()
        sounds.push(this)
      }
    }
    Object.assign(globalThis, { sounds })
  })
  const isHeard = (wanted: string): Promise<unknown> =>
    nils!.page.waitForFunction(`sounds.map(({ state }) => state).join() === '${wanted}'`)
  await mona!.goes('chats', 'user', 'nils')
  await mona!.press('Call nils')
  await nils!.sees('is calling you')
  await isHeard('') // nothing was pressed yet
  await nils!.page.keyboard.press('Shift')
  await isHeard('running')
  await nils!.press('Decline')
  await isHeard('suspended')
  await nils!.goes('settings')
  await nils!.page.getByRole('switch', { name: 'Ring when somebody calls' }).click()
  await mona!.press('Call nils')
  await nils!.sees('is calling you')
  await isHeard('suspended')
  await nils!.page.getByRole('switch', { name: 'Ring when somebody calls' }).click()
  await isHeard('running')
  await nils!.press('Decline')
  await isHeard('suspended')
  await mona!.close()
  await nils!.close()
})

test('the broker is killed in the middle of a call: picture and sound go on, and the page comes back', async () => {
  const [eve, finn] = await meet(['eve', 'finn'])
  await call(eve!, finn!)
  await Promise.all([eve!, finn!].map((one) => one.seesMovement()))
  await parts.killBroker()
  for (const one of [eve!, finn!]) await one.sees('The service is away; the call goes on.')
  await Promise.all([eve!, finn!].map((one) => one.seesMovement()))
  await parts.startBroker()
  await eve!.page.getByText('The service is away').waitFor({ state: 'detached', timeout: 60_000 })
  await Promise.all([eve!, finn!].map((one) => one.seesMovement()))
  await eve!.press('Hang up')
  await finn!.sees('The call is over')
  await eve!.close()
  await finn!.close()
})

test('three are in a conference, all see all, and one leaves', async () => {
  const [gina, hal, ida] = await meet(['gina', 'hal', 'ida'])
  await gina!.goes('calls')
  await gina!.press('Conference')
  await gina!.page.getByLabel('hal').check()
  await gina!.page.getByLabel('ida').check()
  await gina!.press('Begin')
  for (const one of [hal!, ida!]) await one.press('Join')
  for (const one of [gina!, hal!, ida!]) {
    await one.page.locator('.stage .tile').nth(2).waitFor()
    await one.seesMovement(0)
    await one.seesMovement(1)
  }
  await hal!.press('Leave the conference')
  await gina!.sees('hal has left.')
  await ida!.seesMovement(0)
  for (const one of [gina!, hal!, ida!]) await one.close()
})

test('a refused camera is told in words', async () => {
  const [kim] = await meet(['kim', 'leo'])
  await kim!.page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'))
  })
  await kim!.goes('chats', 'user', 'leo')
  await kim!.press('Call leo')
  await kim!.sees('Access to the camera or the microphone was refused')
})
