// @needs Chromium

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser, Page, Worker } from 'playwright-core'
import { buildPage } from '../../../web/build.mjs'
import { openBrowser, serveSite, type Site } from '../../browser.ts'

// The page's service worker, run by a real browser. The browser itself delivers the messages, in place of its vendor's push service,
// which cannot be reached from here. Nobody clicks: a browser without a screen shows no notification that could be clicked.

let folder: string
let site: Site
let browser: Browser
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'push-worker-'))
  await buildPage(folder)
  site = await serveSite(({ url }, response) => {
    const isWorker = url === '/push-worker.js'
    response.setHeader('content-type', isWorker ? 'text/javascript' : 'text/html')
    response.end(isWorker ? readFileSync(join(folder, 'push-worker.js')) : '<!doctype html><title>page</title>')
  })
  browser = await openBrowser()
})
afterAll(async () => {
  await browser.close()
  await site.close()
  rmSync(folder, { recursive: true })
})

/** A page with the worker, and a way to push to it. */
async function open(): Promise<{ page: Page; worker: Worker; push: (told: object) => Promise<void> }> {
  const context = await browser.newContext()
  await context.grantPermissions(['notifications'], { origin: site.origin })
  const page = await context.newPage()
  await page.goto(site.origin)
  const session = await context.newCDPSession(page)
  const registered = new Promise<string>((resolve) => {
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations: [one] }) => {
      if (one) resolve(one.registrationId)
    })
  })
  await session.send('ServiceWorker.enable')
  const started = context.waitForEvent('serviceworker')
  await page.evaluate(async () => {
    await navigator.serviceWorker.register('/push-worker.js')
    await navigator.serviceWorker.ready
  })
  const [registrationId, worker] = await Promise.all([registered, started])
  return {
    page,
    worker,
    async push(told) {
      const data = JSON.stringify(told)
      await session.send('ServiceWorker.deliverPushMessage', { origin: site.origin, registrationId, data })
    },
  }
}

interface Shown {
  title: string
  body: string
  address: unknown
}

/** What is shown, when it is so many. */
async function shown(page: Page, count: number): Promise<Shown[]> {
  const found = await page.waitForFunction(async (wanted) => {
    const registration = await navigator.serviceWorker.ready
    const all = await registration.getNotifications()
    return all.length === wanted && all.map(({ title, body, data }) => ({ title, body, address: data as unknown }))
  }, count)
  return (await found.jsonValue()) as Shown[]
}

test('each push shows what happened and where it leads; the next one of a conversation takes its place', async () => {
  const { page, push } = await open()
  const about = { event_seq: 1, user_id: 'alice' }
  await push({ ...about, event: 'message_received', from: 'bob' })
  expect(await shown(page, 1)).toEqual([{ title: 'New message', body: 'from bob', address: '/#/chats/user/bob' }])
  await push({ ...about, event: 'message_received', from: 'bob', event_seq: 2 })
  await push({ ...about, event: 'message_received', from: 'bob', group_id: 'g/1' })
  await push({ ...about, event: 'call_changed', with: 'carl', direction: 'in', state: 'missed' })
  await push({ ...about, event: 'conference_invited', by: '0b6ff6d4-5c3e-4f0e-9d0a-1e2d3c4b5a69' })
  expect(new Set(await shown(page, 4))).toEqual(
    new Set([
      { title: 'New message', body: 'from bob', address: '/#/chats/user/bob' },
      { title: 'New message in a group', body: 'from bob', address: '/#/chats/group/g%2F1' },
      { title: 'Missed call', body: 'from carl', address: '/#/calls' },
      { title: 'Invitation to a conference', body: '', address: '/#/calls' },
    ]),
  )
  await page.context().close()
})

test('a click closes the notification, and leads the page that is open to the conversation', async () => {
  const { page, worker, push } = await open()
  await page.reload() // from now on the worker controls it
  await push({ event: 'message_received', event_seq: 1, user_id: 'alice', from: 'bob' })
  await shown(page, 1)
  const arrives = page.waitForURL('**/#/chats/user/bob')
  await worker.evaluate(`registration.getNotifications().then(([notification]) => {
    dispatchEvent(new NotificationEvent('notificationclick', { notification }))
  })`)
  await arrives
  expect(await shown(page, 0)).toEqual([])
  await page.context().close()
})
