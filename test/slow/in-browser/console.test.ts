// @needs Chromium

import { afterAll, beforeAll, expect, test } from '@jest/globals'
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import type { Closable } from '../../../shared/shutdown.ts'
import { openBrowser } from '../../browser.ts'
import { tokenFor, type Device } from '../../device.ts'
import { openStage, type Stage } from '../../stage.ts'
import { works } from '../../works.ts'

// The operators' console in a browser, with a real broker, a group and devices.

const HOSTILE = '<img src=x onerror="document.title=\'owned\'">'

let browser: Browser
let stage: Stage
let group: Closable
let alice: Device
let page: Page
beforeAll(async () => {
  browser = await openBrowser()
  stage = await openStage([], { RETRY_DELAY: '0' })
  stage.keep(browser)
  group = await stage.serve('works', works.commands)
  alice = await stage.device('alice')
  page = await browser.newPage()
  await page.goto(`${stage.admin}/console#token=${tokenFor('ops', stage.secret, { role: 'operator' })}`)
})
afterAll(() => stage.close())

const opens = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).first().click()

test('the link signs in, and the address keeps no token', async () => {
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  expect(new URL(page.url()).hash).toBe('')
})

test('a queue that grows while its group is away is seen, and is seen to be worked off', async () => {
  const waiting = page.locator('tr[data-group="works"] td').nth(1)
  await group.close()
  for (const text of ['a', 'b', 'c']) await alice.sends('do_work', { text })
  await expectText(waiting, '3')
  await expectText(page.locator('tr[data-group="works"] td').nth(4), 'no process')
  group = await stage.serve('works', works.commands)
  await expectText(waiting, '0')
  await alice.unread()
})

test('a dead letter shows no payload until it is asked for, as text, and is replayed by a button', async () => {
  works.isBroken = true
  await alice.asks('do_work', { text: HOSTILE }, { id: 'dead' })
  works.isBroken = false
  await opens('Dead letters')
  await page.getByText('1 dead letter').waitFor()
  expect(await page.locator('main').innerText()).not.toContain('onerror')
  await page.getByRole('button', { name: 'Show payload' }).click()
  expect(await page.locator('pre').innerText()).toContain('onerror')
  await page.getByRole('button', { name: 'Replay', exact: true }).click()
  expect(await alice.receives('worked')).toMatchObject({ re: 'dead' })
  await page.getByText('0 dead letters').waitFor()
  expect([await page.title(), await page.locator('img').count()]).toEqual(['Switchboard console', 0])
})

test('a tail shows a command, and leaves its values out', async () => {
  await opens('Tail')
  await opens('Follow')
  await page.getByText('Follows.').waitFor()
  await alice.asks('do_work', { text: 'a secret of alice' })
  const tail = page.getByRole('list', { name: 'Commands and their ends' })
  await tail.getByText('done').waitFor()
  const text = await tail.innerText()
  expect(text).toContain('text: …')
  expect(text).not.toContain('a secret of alice')
})

test('a user is kicked', async () => {
  await opens('User')
  await page.getByLabel('user id').fill('alice')
  await opens('Look up')
  await page.getByRole('heading', { name: 'alice' }).waitFor()
  const gone = new Promise<void>((resolve) => alice.mqtt.once('close', () => resolve()))
  await opens('Kick')
  await gone
  await page.getByText('1 session ended').waitFor()
})

test.each(['light', 'dark'] as const)('axe finds nothing serious, %s', async (colorScheme) => {
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
  for (const name of ['Overview', 'Dead letters', 'User', 'Tail']) {
    await opens(name)
    await page.getByRole('heading', { name, level: 1 }).waitFor()
    await page.evaluate(axe.source)
    const { violations } = await page.evaluate(() =>
      (globalThis as unknown as { axe: typeof axe }).axe.run(document, { resultTypes: ['violations'] }),
    )
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    expect([name, serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`)]).toEqual([name, []])
  }
})

async function expectText(place: ReturnType<Page['locator']>, text: string): Promise<void> {
  await place.filter({ hasText: new RegExp(`^${text}$`) }).waitFor()
}
