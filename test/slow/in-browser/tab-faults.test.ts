// @needs Chromium
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type * as Client from '../../../client/index.ts'
import { openProxy, type Proxy } from '../../../tools/faults/proxy.ts'
import { seeded } from '../../../tools/random.ts'
import { openBrowser, type Site } from '../../browser.ts'
import { tokenFor } from '../../device.ts'
import { openClientSite } from '../../page/client-site.ts'
import { openStage, type Stage } from '../../stage.ts'

// Tabs that are closed, loaded again or crash at any moment, two of a user on one outbox: every call has its effect once, and what is
// passed to an app is passed once. More: TAB_FAULTS=100 TAB_MESSAGES=5000

const { TAB_FAULTS = '12', TAB_MESSAGES = '300', TAB_SEED } = process.env
/** Calls that wait for their answers at a time. */
const IN_FLIGHT = 6

declare const switchboard: typeof Client // exists in the page
declare const board: Client.Board
/** Of the test: writes down what the app has heard. */
declare const hears: (who: string, seq: number, body: string) => Promise<void>

let stage: Stage
let proxy: Proxy
let browser: Browser
let site: Site
beforeAll(async () => {
  site = await openClientSite()
  const settings = {
    ACCESS: 'everyone',
    WSS_ORIGINS: site.origin,
    CONNECTS_PER_CLIENT: '100000',
    INBOX_EVENTS: '10000', // so that resets are rare
  }
  ;[stage, browser] = await Promise.all([openStage('messaging', settings), openBrowser()])
  proxy = stage.keep(await openProxy(() => stage.broker.ports.wss))
})
afterAll(async () => {
  await browser.close()
  await stage.close()
  await site.close()
})

/** Somebody with tabs that may end at any moment, and are opened again. */
class Tabs {
  readonly user: string
  readonly pages: Page[] = []
  /** What each of its devices has heard: client id to the messages, by their place in the conversation. */
  readonly heard = new Map<string, Map<number, string>>()
  readonly #context: BrowserContext

  private constructor(user: string, context: BrowserContext) {
    this.user = user
    this.#context = context
  }

  static async open(user: string, tabs: number): Promise<Tabs> {
    const context = await browser.newContext({ ignoreHTTPSErrors: true })
    const one = new Tabs(user, context)
    await context.exposeFunction('hears', (who: string, seq: number, body: string) => {
      const heard = one.heard.get(who) ?? new Map<number, string>()
      one.heard.set(who, heard.set(seq, body))
    })
    for (let i = 0; i < tabs; i++) one.pages.push(await one.#newPage())
    return one
  }

  /** Ends a tab in some way, and opens it again. */
  async ends(at: number, how: 'close' | 'crash' | 'reload'): Promise<void> {
    const page = this.pages[at]!
    if (how === 'reload') {
      await page.reload()
      return this.#signsIn(page)
    }
    if (how === 'crash') {
      const crashed = new Promise((resolve) => page.once('crash', resolve))
      await page.goto('chrome://crash').catch(() => {})
      await crashed
    }
    await page.close()
    this.pages[at] = await this.#newPage()
  }

  close(): Promise<void> {
    return this.#context.close()
  }

  async #newPage(): Promise<Page> {
    const page = await this.#context.newPage()
    await page.goto(site.origin)
    await this.#signsIn(page)
    return page
  }

  async #signsIn(page: Page): Promise<void> {
    await page.evaluate(
      ([url, token, user]) => {
        const opened = switchboard.connect({ url, token: () => token })
        opened.on('message_received', async ({ from, seq, body }) => {
          if (from !== user) await hears(opened.clientId, seq, body!)
        })
        opened.on('reset', async () => {
          if (user !== 'uma') return
          for (let [after, more] = [0, true]; more;) {
            const page = await opened.call('get_messages', { with: 'tess', after, limit: 50 })
            for (const { seq, body } of page.messages) await hears(opened.clientId, seq, body!)
            after = Math.max(after, ...page.messages.map(({ seq }) => seq))
            more = page.more
          }
        })
        Object.assign(globalThis, { board: opened })
      },
      [`wss://127.0.0.1:${proxy.port}/mqtt`, tokenFor(this.user, stage.secret), this.user] as const,
    )
  }
}

/** Resolves when it is so, or so many milliseconds are over. */
async function until(isSo: () => boolean, ms: number): Promise<void> {
  for (const late = Date.now() + ms; !isSo() && Date.now() < late;)
    await new Promise((resolve) => setTimeout(resolve, 20))
}

test('tabs that end at any moment, two on one outbox: each call takes effect once, and none is missed by who hears', async () => {
  const seed = Number(TAB_SEED ?? Math.floor(Math.random() * 2 ** 31))
  const random = seeded(seed)
  const [faults, messages] = [Number(TAB_FAULTS), Number(TAB_MESSAGES)]
  const [sender, hearer] = [await Tabs.open('tess', 2), await Tabs.open('uma', 1)]
  await hearer.pages[0]!.evaluate(() => board.call('whoami')) // from now on it may miss nothing
  let [next, answered] = [0, 0]
  const violations: string[] = []

  /** Calls until it is answered, in whatever tab there is: an app that was loaded again calls what it has not seen answered. */
  async function send(number: number): Promise<void> {
    for (;;) {
      const page = sender.pages[Math.floor(Math.random() * sender.pages.length)]!
      const said = await page
        .evaluate(
          ([id, body]) =>
            board.call('send_message', { to: 'uma', body }, { id }).then(
              () => 'answered',
              (err: Error) => `${err.name}: ${err.message}`,
            ),
          [`tess-${number}`, String(number)] as const,
        )
        .catch(() => 'the tab ended')
      if (said === 'answered') return void answered++
      if (said !== 'the tab ended' && !said.startsWith('Closed')) violations.push(`${number}: ${said}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const sending = Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (next < messages) await send(next++)
    }),
  )
  const KINDS = ['close', 'crash', 'reload', 'cut', 'strand'] as const
  for (let done = 0; done < faults; done++) {
    const kind = KINDS[Math.floor(random() * KINDS.length)]!
    if (kind === 'cut' || kind === 'strand') proxy[kind]()
    else {
      const whose = random() < 0.7 ? sender : hearer
      await whose.ends(Math.floor(random() * whose.pages.length), kind)
    }
    const share = Math.floor((messages * (done + 1)) / (faults + 1)) // the calls are spread over the faults
    await until(() => answered >= share, 20_000)
  }
  await sending
  const all = (): Map<number, string> => new Map([...hearer.heard.values()].flatMap((heard) => [...heard]))
  await until(() => all().size >= messages, 60_000)
  await new Promise((resolve) => setTimeout(resolve, 1_000)) // what comes twice
  process.stderr.write(`seed ${seed}: ${faults} faults, ${answered} calls, heard by ${hearer.heard.size} devices\n`)
  const bodies = [...all()].toSorted(([a], [b]) => a - b).map(([, body]) => Number(body))
  const numbers = Array.from({ length: messages }, (_, i) => i)
  expect({ seed, violations, answered }).toEqual({ seed, violations: [], answered: messages })
  expect(bodies.toSorted((a, b) => a - b)).toEqual(numbers) // each once
  await Promise.all([sender.close(), hearer.close()])
}, 3_600_000)
