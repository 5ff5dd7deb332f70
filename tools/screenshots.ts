import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { closeAll, type Closable } from '../shared/shutdown.ts'
import { openBrowser } from '../test/browser.ts'
import { openStage } from '../test/stage.ts'
import { VIEWS, World } from '../test/page/world.ts'
import { buildPage } from '../web/build.mjs'
import { openProxy } from './faults/proxy.ts'

// Takes pictures of the web page's views with Debian's Chromium, over a platform of its own:
//   node --import tsx tools/screenshots.ts              those of the docs, into docs/images/
//   node --import tsx tools/screenshots.ts --all <dir>  every view, light and dark, large and small, to be looked at

const IMAGES = fileURLToPath(new URL('../docs/images', import.meta.url))
const GROUPS = ['contacts', 'profiles', 'presence', 'messaging', 'groups', 'signaling', 'turn']
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }
type Shot = [view: string, colors: 'light' | 'dark', size: keyof typeof SIZES]
/** Those that the docs show. */
const SHOWN: Shot[] = [
  ['chat', 'light', 'desktop'],
  ['voice-call', 'dark', 'desktop'],
  ['people', 'dark', 'desktop'],
  ['group', 'light', 'phone'],
  ['offline', 'dark', 'phone'],
]
const ALL: Shot[] = VIEWS.flatMap(({ name }) =>
  (['light', 'dark'] as const).flatMap((colors) =>
    (['desktop', 'phone'] as const).map((size): Shot => [name, colors, size]),
  ),
)

const [option, into = IMAGES, ...only] = process.argv.slice(2)
const opened: Closable[] = []
try {
  const page = mkdtempSync(join(tmpdir(), 'page-'))
  opened.push({ close: async () => rmSync(page, { recursive: true }) })
  await buildPage(page)
  const browser = await openBrowser()
  opened.push(browser)
  const stage = await openStage(GROUPS, { WEB: page, CONNECTS_PER_CLIENT: '1000' })
  opened.push(stage)
  const world = await World.open(stage, browser, stage.keep(await openProxy(() => stage.broker.ports.wss)))
  mkdirSync(into, { recursive: true })
  for (const shot of option === '--all' ? ALL : SHOWN) {
    if (only.length === 0 || only.includes(shot[0])) await take(world, shot)
  }
} finally {
  await closeAll(opened)
}

async function take(world: World, [view, colors, size]: Shot): Promise<void> {
  const { user, ...shown } = VIEWS.find(({ name }) => name === view)!
  const visitor = await world.visitor(user, { colors, size: SIZES[size] })
  try {
    const others = (await shown.open(visitor, world)) ?? []
    await visitor.page.waitForTimeout(500) // until what moves has come to rest
    const path = join(into, `${view}-${colors}${size === 'phone' ? '-phone' : ''}.png`)
    await visitor.page.screenshot({ path })
    for (const other of others) await other.close()
  } finally {
    world.proxy.blackhole(false)
    await visitor.close()
  }
}
