// @needs Chromium
import { afterAll, beforeAll, test } from '@jest/globals'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, serveSite, type Site } from '../../browser.ts'
import { tokenFor } from '../../device.ts'
import { blocksOf } from '../../docs-blocks.ts'
import { ROOT } from '../../process.ts'
import { openStage, type Stage } from '../../stage.ts'
import { openProxy, type Proxy } from '../../../tools/faults/proxy.ts'

// The chat at the end of the quickstart, as it is in the docs.

const fileIn = (name: string): string =>
  blocksOf('docs/app/quickstart.md').find(({ words }) => words.get('file') === name)!.text

let stage: Stage
let browser: Browser
let proxy: Proxy
let site: Site
beforeAll(async () => {
  proxy = await openProxy(() => stage.broker.ports.wss)
  const script = fileIn('chat.ts').replace('localhost:8443', `127.0.0.1:${proxy.port}`)
  const { outputFiles } = await build({
    stdin: { contents: script, resolveDir: ROOT, loader: 'ts' },
    bundle: true,
    format: 'esm',
    write: false,
  })
  site = await serveSite(({ url }, response) => {
    const isScript = url === '/chat.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? outputFiles[0]!.contents : fileIn('chat.html'))
  })
  const settings = { WSS_ORIGINS: site.origin }
  ;[stage, browser] = await Promise.all([openStage(['contacts', 'messaging'], settings), openBrowser()])
})
afterAll(async () => {
  await browser.close()
  await proxy.close()
  await stage.close()
  await site.close()
})

/** Both open the chat, which makes them contacts. */
async function meet(one: string, other: string): Promise<[Page, Page]> {
  const phone = await stage.device(one)
  const first = await opens(one, other)
  await phone.receives('contact_request_sent')
  const second = await opens(other, one)
  await phone.receives('contact_approved')
  return [first, second]
}

async function opens(user: string, friend: string): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  await page.goto(`${site.origin}/chat.html?with=${friend}#${tokenFor(user, stage.secret)}`)
  return page
}
const writes = async (page: Page, text: string): Promise<void> => {
  await page.fill('#text', text)
  await page.press('#text', 'Enter')
}
const shows = (page: Page, ...lines: string[]): Promise<unknown> =>
  page.waitForFunction((wanted) => document.querySelector('#messages')!.textContent === wanted, lines.join(''))

test('two chat, as the quickstart says, and a page that is loaded again shows what was said', async () => {
  const [alice, bob] = await meet('alice', 'bob')
  for (const page of [alice, bob])
    await page.waitForFunction(() => document.querySelector('#state')!.textContent === 'online')
  await writes(alice, 'Lunch?')
  await shows(bob, 'alice: Lunch?')
  await writes(bob, 'Yes')
  await shows(alice, 'alice: Lunch?', 'bob: Yes')
  await alice.reload()
  await shows(alice, 'alice: Lunch?', 'bob: Yes')
})

test('what is written while the platform is away waits on the page, over a reload, and goes out when it is back', async () => {
  const [carl, dora] = await meet('carl', 'dora')
  await writes(carl, 'one')
  await shows(dora, 'carl: one')
  proxy.blackhole(true)
  await carl.evaluate(() => dispatchEvent(new Event('online'))) // the client finds out at once
  await carl.waitForFunction(() => document.querySelector('#state')!.textContent !== 'online')
  await writes(carl, 'two')
  await shows(carl, 'carl: one', '… two')
  await carl.reload()
  await shows(carl, '… two')
  proxy.blackhole(false)
  proxy.cut()
  await shows(dora, 'carl: one', 'carl: two')
  await shows(carl, 'carl: one', 'carl: two')
})
