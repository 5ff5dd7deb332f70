// @needs Chromium

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { closeAll, type Closable } from '../../../shared/shutdown.ts'
import { openProxy, type Proxy } from '../../../tools/faults/proxy.ts'
import { buildPage } from '../../../web/build.mjs'
import { openBrowser } from '../../browser.ts'
import { tokenFor } from '../../device.ts'
import { openStage, type Stage } from '../../stage.ts'
import { Visitor, type Visit } from '../../page/visitor.ts'

// The web page as people use it: contacts, chats, groups, and what it shows without a connection.

const GROUPS = ['contacts', 'profiles', 'presence', 'messaging', 'groups', 'signaling', 'turn']
const opened: Closable[] = []
let folder: string
let stage: Stage
let proxy: Proxy
let browser: Browser
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'page-'))
  keep({ close: async () => rmSync(folder, { recursive: true }) })
  await buildPage(folder)
  browser = keep(await openBrowser())
  stage = keep(await openStage(GROUPS, { WEB: folder, CONNECTS_PER_CLIENT: '1000' }))
  proxy = stage.keep(await openProxy(() => stage.broker.ports.wss))
})
afterAll(() => closeAll(opened))

function keep<T extends Closable>(one: T): T {
  opened.push(one)
  return one
}

async function comes(user: string, more: Partial<Visit> = {}): Promise<Visitor> {
  const url = `https://127.0.0.1:${proxy.port}/`
  return keep(await Visitor.open(browser, { url, user, token: tokenFor(user, stage.secret), ...more }))
}

async function befriend(one: Visitor, other: Visitor): Promise<void> {
  await one.asks(other.user)
  await other.accepts(one.user)
}

async function leave(...all: Visitor[]): Promise<void> {
  for (const one of all) {
    expect(one.faults).toEqual([])
    await one.close()
  }
}

test('the token of the link is gone from the address, and the page loads less than 150 KB', async () => {
  const ada = await comes('ada')
  expect(ada.page.url()).not.toContain('token')
  const files = readdirSync(folder).filter((name) => /\.(?:html|js|css|svg)$/.test(name) && name !== 'push-worker.js')
  const bytes = files.map((name) => gzipSync(readFileSync(join(folder, name))).length).reduce((a, b) => a + b, 0)
  expect(bytes).toBeLessThan(150_000)
  await ada.sees(ada.page.getByText('No chats yet'))
  const { loaded } = await ada.page.evaluate(() => {
    const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
    return { loaded: navigation!.loadEventEnd }
  })
  process.stdout.write(`first load: ${bytes} bytes (gzip), ${Math.round(loaded)} ms\n`)
  await leave(ada)
})

test('two people become contacts and chat: requests, presence, typing, receipts, an edit and a deletion', async () => {
  const [alice, bob] = [await comes('alice'), await comes('bob')]
  await alice.asks('bob', 'from the office')
  await bob.goes('people')
  await bob.sees('from the office')
  await bob.press('Accept')
  await alice.goes('chats', 'user', 'bob')
  await alice.sees(alice.page.getByRole('main').getByText('Online'))
  await bob.goes('chats')
  await alice.writes('Lunch at noon?')
  await alice.sees(alice.message('Lunch at noon?').getByText('Delivered'))
  await bob.sees(bob.page.getByText('1 unread'))
  await bob.page.getByRole('link', { name: /alice/ }).click()
  await alice.sees(alice.message('Lunch at noon?').getByText('Read', { exact: true }))
  await bob.page.getByPlaceholder('Write a message').pressSequentially('Gladly')
  await alice.sees(alice.page.getByRole('main').getByText('typing…'))
  await bob.page.keyboard.press('Enter')
  await alice.sees(alice.message('Gladly'))
  await bob.page.keyboard.press('ArrowUp')
  await bob.page.getByPlaceholder('Write a message').fill('With pleasure')
  await bob.page.keyboard.press('Enter')
  await alice.sees(alice.message('With pleasure').getByText('edited'))
  await alice.message('Lunch at noon?').getByRole('button', { name: 'Delete this message' }).click()
  await alice.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await bob.sees(bob.page.getByRole('log').getByText('Message deleted'))
  await alice.goes('chats')
  await alice.page.getByRole('searchbox').fill('pleasure')
  await alice.sees(alice.page.getByRole('list', { name: 'Messages found' }).getByText('With pleasure'))
  await leave(alice, bob)
})

test('what is written offline shows as waiting, survives a reload, and goes out once', async () => {
  const [carl, dora] = [await comes('carl'), await comes('dora')]
  await befriend(carl, dora)
  await carl.goes('chats', 'user', 'dora')
  await carl.writes('before')
  await dora.goes('chats', 'user', 'carl')
  await dora.sees(dora.message('before'))
  proxy.blackhole(true)
  proxy.cut()
  await carl.sees(carl.page.getByRole('status').filter({ hasText: /offline|Connecting/ }))
  await carl.writes('one')
  await carl.writes('two')
  await carl.sees(carl.message('one').getByText('Sending…'))
  await carl.sees(carl.page.getByText('2 changes wait for the connection.'))
  proxy.blackhole(false)
  proxy.cut()
  await carl.page.reload()
  await dora.sees(dora.message('two'))
  expect(await dora.page.getByRole('log').getByRole('listitem').filter({ hasText: 'one' }).count()).toBe(1)
  await carl.sees(carl.message('two').getByText(/Sent|Delivered|Read/))
  carl.faults.length = 0 // the browser tells of the lost connection
  dora.faults.length = 0
  await leave(carl, dora)
})

test('a group: its members, their roles, its title, and the way out', async () => {
  const [eve, finn, gus] = [await comes('eve'), await comes('finn'), await comes('gus')]
  await befriend(eve, finn)
  await befriend(eve, gus)
  await eve.goes('chats')
  await eve.press('New group')
  await eve.page.getByLabel('Name').fill('Climbers')
  await eve.page.getByLabel('finn').check()
  await eve.press('Create group')
  await eve.sees(eve.page.getByRole('log').getByText('You created the group'))
  await eve.writes('Saturday?')
  await finn.goes('chats')
  await finn.page.getByRole('link', { name: /Climbers/ }).click()
  await finn.writes('I am in')
  await eve.sees(eve.message('I am in'))
  await eve.press('About this group')
  const dialog = eve.page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Alpinists')
  await dialog.getByRole('button', { name: 'Rename' }).click()
  await finn.sees(finn.page.getByRole('log').getByText('eve called the group “Alpinists”'))
  await dialog.getByText('Add members').click()
  await dialog.getByLabel('gus').check()
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await gus.goes('chats')
  await gus.sees(gus.page.getByRole('link', { name: /Alpinists/ }))
  await dialog.getByLabel('Role of finn').selectOption('Admin')
  await finn.sees(finn.page.getByRole('log').getByText('eve made You an admin'))
  await finn.press('About this group')
  await finn.press('Leave group')
  await finn.page.getByRole('dialog', { name: /Leave/ }).getByRole('button', { name: 'Leave', exact: true }).click()
  await finn.page.getByRole('link', { name: /Alpinists/ }).waitFor({ state: 'detached' })
  await leave(eve, finn, gus)
})

test('a profile is edited and seen, people are found by name, and somebody who is blocked stays away', async () => {
  const [hugo, iris] = [await comes('hugo'), await comes('iris')]
  await hugo.goes('settings')
  await hugo.page.getByLabel('Name').fill('Hugo Grotius')
  await hugo.page.getByLabel('About you').fill('at sea')
  await hugo.press('Save')
  await hugo.sees('Your profile is saved.')
  await iris.goes('people')
  await iris.page.getByRole('searchbox').fill('grot')
  await iris.page.getByRole('link', { name: /Hugo Grotius/ }).click()
  await iris.press('Send request')
  await hugo.accepts('iris')
  await iris.sees('at sea')
  await hugo.page.getByRole('main').getByRole('button', { name: 'Block' }).click()
  await hugo.page.getByRole('dialog').getByRole('button', { name: 'Block' }).click()
  await hugo.sees(hugo.page.getByRole('main').getByRole('button', { name: 'Unblock' }))
  await iris.sees(iris.page.getByRole('main').getByText(/Offline|Last seen/))
  await leave(hugo, iris)
})

test('a contact is added and written to by the keyboard alone', async () => {
  const [kim, leo] = [await comes('kim'), await comes('leo')]
  const { keyboard } = kim.page
  /** Presses Tab until what has the focus has this name. */
  const tabTo = async (name: RegExp): Promise<void> => {
    for (let i = 0; i < 60; i++) {
      await keyboard.press('Tab')
      const focused = await kim.page.evaluate(() => {
        const at = document.activeElement as HTMLInputElement
        return (at.getAttribute('aria-label') ?? (at.labels?.[0]?.textContent || at.textContent)).trim()
      })
      if (name.test(focused)) return
    }
    throw new Error(`Tab does not lead to ${String(name)}`)
  }
  await tabTo(/^People/)
  await keyboard.press('Enter')
  await tabTo(/^Find people/)
  await keyboard.type('leo')
  await kim.sees('The person with the ID leo')
  await tabTo(/The person with the ID leo/)
  await keyboard.press('Enter')
  await kim.sees(kim.button('Send request'))
  await tabTo(/Send request/)
  await keyboard.press('Enter')
  await leo.accepts('kim')
  await kim.sees(kim.button('Message'))
  await tabTo(/^Message/)
  await keyboard.press('Enter')
  await kim.sees(kim.page.getByPlaceholder('Write a message'))
  await keyboard.type('no mouse here')
  await keyboard.press('Enter')
  await leo.goes('chats', 'user', 'kim')
  await leo.sees(leo.message('no mouse here'))
  await leave(kim, leo)
})
