// @needs Chromium

import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type * as Client from '../../../client/index.ts'
import { openBrowser, type Site } from '../../browser.ts'
import { Device, tokenFor } from '../../device.ts'
import { openClientSite } from '../../page/client-site.ts'
import { openStage, type Stage } from '../../stage.ts'
import { openProxy, type Proxy } from '../../../tools/faults/proxy.ts'

// The client in a browser: its outbox in IndexedDB, over reloads, several tabs, and the network coming and going.

declare const switchboard: typeof Client // a global of the page
declare const board: Client.Board
declare const heard: string[]

let stage: Stage
let proxy: Proxy
let browser: Browser
let site: Site
let origin: string
beforeAll(async () => {
  site = await openClientSite()
  origin = site.origin
  const settings = { ACCESS: 'everyone', WSS_ORIGINS: origin, CONNECTS_PER_CLIENT: '1000' }
  ;[stage, browser] = await Promise.all([openStage(['contacts', 'messaging'], settings), openBrowser()])
  proxy = stage.keep(await openProxy(() => stage.broker.ports.wss))
})
afterAll(async () => {
  await browser.close()
  await stage.close()
  await site.close()
})

const newContext = (): Promise<BrowserContext> => browser.newContext({ ignoreHTTPSErrors: true })

/** Opens a tab in which `user` is signed in; `board` and the bodies that it `heard` are global there. */
async function open(context: BrowserContext, user: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(origin)
  await signIn(page, user)
  return page
}

async function signIn(page: Page, user: string): Promise<void> {
  await page.evaluate(
    ([url, token]) => {
      const opened = switchboard.connect({ url, token: () => token })
      const bodies: string[] = []
      opened.on('message_received', ({ body }) => bodies.push(body!))
      Object.assign(globalThis, { board: opened, heard: bodies })
    },
    [`wss://127.0.0.1:${proxy.port}/mqtt`, tokenFor(user, stage.secret)] as const,
  )
}

const sends = (page: Page, to: string, body: string): Promise<number> =>
  page.evaluate(async ([whom, text]) => (await board.call('send_message', { to: whom, body: text })).seq, [
    to,
    body,
  ] as const)
/** Calls without waiting for the answer. */
const leaves = (page: Page, to: string, ...bodies: string[]): Promise<void> =>
  page.evaluate(
    ([whom, texts]) => {
      for (const body of texts) board.call('send_message', { to: whom, body }).catch(() => {})
    },
    [to, bodies] as const,
  )
const waits = (page: Page, state: Client.State): Promise<unknown> =>
  page.waitForFunction((wanted) => board.state === wanted, state)
/** What the database holds now: the app's call is stored before it is reported as waiting. */
const stored = (page: Page, calls: number): Promise<unknown> =>
  page.waitForFunction(
    (wanted) =>
      new Promise((resolve) => {
        const opening = indexedDB.open('switchboard')
        opening.addEventListener('success', () => {
          const all = opening.result.transaction('entries').objectStore('entries').getAllKeys()
          all.addEventListener('success', () => {
            opening.result.close()
            resolve(all.result.filter((key) => (key as [number, string])[1].startsWith('call:')).length === wanted)
          })
        })
      }),
    calls,
    { polling: 50 },
  )

async function bodiesFor(user: string, count: number): Promise<unknown[]> {
  const device = devices.get(user)!
  const bodies: unknown[] = []
  while (bodies.length < count) bodies.push((await device.receives('message_received'))['body'])
  return [...bodies, ...(await device.unread()).filter(({ event }) => event === 'message_received')]
}
const devices = new Map<string, Device>()
async function comes(user: string): Promise<void> {
  devices.set(user, await stage.device(user))
}

test('what is called offline outlives a reload of the page, and goes out once, in order', async () => {
  await comes('bob')
  const context = await newContext()
  const page = await open(context, 'alice')
  await waits(page, 'online')
  await context.setOffline(true)
  proxy.cut()
  await page.waitForFunction(() => board.state !== 'online')
  await leaves(page, 'bob', 'one', 'two', 'three')
  await stored(page, 3)
  await context.setOffline(false)
  proxy.blackhole(true) // the page loads while the platform is unreachable
  await page.reload()
  await stored(page, 3)
  proxy.blackhole(false)
  proxy.cut()
  await signIn(page, 'alice')
  await sends(page, 'bob', 'four')
  expect(await bodiesFor('bob', 4)).toEqual(['one', 'two', 'three', 'four'])
  expect(await page.evaluate(() => board.waiting)).toEqual([])
  await context.close()
})

test('two tabs have a seat each, and what a closed one has left is sent by the other, once', async () => {
  await comes('dora')
  const context = await newContext()
  const [one, two] = [await open(context, 'carl'), await open(context, 'carl')]
  await Promise.all([waits(one, 'online'), waits(two, 'online')])
  const ids = await Promise.all([one, two].map((page) => page.evaluate(() => board.clientId)))
  expect(new Set(ids).size).toBe(2)
  await Promise.all([sends(one, 'dora', 'a'), sends(two, 'dora', 'b')])
  expect(new Set(await bodiesFor('dora', 2))).toEqual(new Set(['a', 'b']))

  proxy.blackhole(true)
  await leaves(two, 'dora', 'c', 'd')
  await stored(two, 2)
  await two.close()
  proxy.blackhole(false)
  proxy.cut()
  await one.evaluate(() => board.wake())
  expect(await bodiesFor('dora', 2)).toEqual(['c', 'd'])
  await stored(one, 0)
  await context.close()
})

test('a page that comes back to the network is online at once, and has missed nothing', async () => {
  const context = await newContext()
  const page = await open(context, 'emma')
  await waits(page, 'online')
  await context.setOffline(true)
  proxy.cut()
  await page.waitForFunction(() => board.state !== 'online')
  await comes('fred')
  for (const body of ['x', 'y', 'z']) await devices.get('fred')!.asks('send_message', { to: 'emma', body })
  await context.setOffline(false)
  await waits(page, 'online')
  await page.waitForFunction(() => heard.length >= 3)
  expect(await page.evaluate(() => heard)).toEqual(['x', 'y', 'z'])
  await context.close()
})

test('a reload goes on after the last event', async () => {
  await comes('gina')
  const context = await newContext()
  const page = await open(context, 'hank')
  await waits(page, 'online')
  await devices.get('gina')!.asks('send_message', { to: 'hank', body: 'before' })
  await page.waitForFunction(() => heard.length === 1)
  await page.evaluate(() => board.call('whoami')) // the number is written by the time of its answer
  await page.reload()
  await devices.get('gina')!.asks('send_message', { to: 'hank', body: 'meanwhile' })
  await signIn(page, 'hank')
  await page.waitForFunction(() => heard.length >= 1)
  expect(await page.evaluate(() => heard)).toEqual(['meanwhile'])
  await context.close()
})
