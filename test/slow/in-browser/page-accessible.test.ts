// @needs Chromium

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import axe from 'axe-core'
import type { Browser } from 'playwright-core'
import { closeAll, type Closable } from '../../../shared/shutdown.ts'
import { openProxy } from '../../../tools/faults/proxy.ts'
import { buildPage } from '../../../web/build.mjs'
import { openBrowser } from '../../browser.ts'
import { openStage, type Stage } from '../../stage.ts'
import type { Visitor } from '../../page/visitor.ts'
import { VIEWS, World } from '../../page/world.ts'

// Every main view of the web page, light and dark, large and small: axe finds nothing serious.

const GROUPS = ['contacts', 'profiles', 'presence', 'messaging', 'groups', 'signaling', 'turn']
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }
const opened: Closable[] = []
const visitors: Visitor[] = []
let browser: Browser
let stage: Stage
let world: World
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'page-'))
  keep({ close: async () => rmSync(folder, { recursive: true }) })
  await buildPage(folder)
  browser = keep(await openBrowser())
  stage = keep(await openStage(GROUPS, { WEB: folder, CONNECTS_PER_CLIENT: '1000' }))
  world = await World.open(stage, browser, stage.keep(await openProxy(() => stage.broker.ports.wss)))
})
afterAll(() => closeAll(opened))
afterEach(async () => {
  world.proxy.blackhole(false)
  for (const one of visitors.splice(0)) await one.close()
})

function keep<T extends Closable>(one: T): T {
  opened.push(one)
  return one
}

/** What axe finds serious or critical, in its words. */
async function findings({ page }: Pick<Visitor, 'page'>): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run(document, { resultTypes: ['violations'] }),
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`))
}

const CASES = VIEWS.flatMap((view) =>
  (['light', 'dark'] as const).flatMap((colors) =>
    (['desktop', 'phone'] as const).map((size) => [view.name, colors, size, view] as const),
  ),
)

test.each(['light', 'dark'] as const)('signing in, %s', async (colorScheme) => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, colorScheme })
  const page = await context.newPage()
  await page.goto(`https://127.0.0.1:${stage.broker.ports.wss}/`)
  await page.getByRole('button', { name: 'Sign in with this token' }).click()
  await page.getByText('This is not a token.').first().waitFor()
  expect(await findings({ page })).toEqual([])
  await context.close()
})

test.each(CASES)('%s, %s, %s', async (_, colors, size, view) => {
  const one = await world.visitor(view.user, { colors, size: SIZES[size] })
  visitors.push(one)
  visitors.push(...((await view.open(one, world)) ?? []))
  await one.page.emulateMedia({ reducedMotion: 'reduce' }) // what moves has no settled colour
  expect(await findings(one)).toEqual([])
})
