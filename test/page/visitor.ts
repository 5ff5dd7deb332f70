import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import type { Closable } from '../../shared/shutdown.ts'

/** Milliseconds that anything may take. */
const DEADLINE = 30_000

export interface Visit {
  /** Of the page, such as `https://127.0.0.1:40001/`. */
  url: string
  user: string
  token: string
  /** `relay`: media go through the relay only. */
  policy?: 'all' | 'relay'
  colors?: 'light' | 'dark'
  size?: { width: number; height: number }
}

/** Somebody who uses the web page, as far as a person can: by what is on it. */
export class Visitor implements Closable {
  readonly user: string
  readonly page: Page
  readonly context: BrowserContext
  /** What the page has written to the console as an error, and what it has thrown. */
  readonly faults: string[] = []

  private constructor(user: string, context: BrowserContext, page: Page) {
    this.user = user
    this.context = context
    this.page = page
    page.on('console', (message) => message.type() === 'error' && this.faults.push(message.text()))
    page.on('pageerror', (err) => this.faults.push(err.message))
  }

  static async open(
    browser: Browser,
    { url, user, token, policy = 'all', colors = 'light', size }: Visit,
  ): Promise<Visitor> {
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      colorScheme: colors,
      viewport: size ?? { width: 1280, height: 800 },
      locale: 'en-GB',
      ...(size && size.width < 500 && { hasTouch: true, isMobile: true, deviceScaleFactor: 2 }),
    })
    context.setDefaultTimeout(DEADLINE)
    if (policy === 'relay') {
      await context.addInitScript(() => {
        const Real = RTCPeerConnection
        globalThis.RTCPeerConnection = class extends Real {
          constructor(config?: RTCConfiguration) {
            super({ ...config, iceTransportPolicy: 'relay' })
          }
        }
      })
    }
    const page = await context.newPage()
    const visitor = new Visitor(user, context, page)
    await page.goto(`${url}#token=${token}`)
    await visitor.sees(page.getByRole('navigation', { name: 'Sections' }))
    return visitor
  }

  /** Waits until something is on the page. */
  async sees(what: Locator | string): Promise<void> {
    const locator = (typeof what === 'string' ? this.page.getByText(what) : what).first()
    await locator.waitFor({ state: 'visible', timeout: DEADLINE }).catch(async (err: Error) => {
      throw new Error(
        `${this.user} does not see ${String(what)}: ${err.message}\n${await this.page.locator('body').ariaSnapshot()}`,
      )
    })
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name })
  }

  /** A message of the open conversation. */
  message(text: string): Locator {
    return this.page.getByRole('log').getByRole('listitem').filter({ hasText: text })
  }

  async press(name: string | RegExp): Promise<void> {
    await this.button(name).first().click()
  }

  async goes(...route: string[]): Promise<void> {
    await this.page.evaluate(
      (hash) => {
        location.hash = hash
      },
      `#/${route.join('/')}`,
    )
  }

  async asks(user: string, note?: string): Promise<void> {
    await this.goes('people', 'profile', user)
    if (note !== undefined) await this.page.getByLabel('A few words').fill(note)
    await this.press('Send request')
    await this.sees(this.page.getByText('Your request is waiting for an answer.'))
  }

  async accepts(user: string): Promise<void> {
    await this.goes('people', 'profile', user)
    await this.page.getByRole('main').getByRole('button', { name: 'Accept' }).click()
    await this.sees(this.page.getByRole('main').getByRole('button', { name: 'Message' }))
  }

  async writes(text: string): Promise<void> {
    await this.page.getByPlaceholder('Write a message').fill(text)
    await this.page.keyboard.press('Enter')
    await this.sees(this.message(text))
  }

  /** Cuts the page off from the network, and brings it back. */
  async isOffline(offline: boolean): Promise<void> {
    await this.context.setOffline(offline)
  }

  /** Resolves when the other side's picture moves: twenty more frames. */
  async seesMovement(of = 0): Promise<void> {
    await this.page.waitForFunction(
      (at) => {
        const video = document.querySelectorAll<HTMLVideoElement>('.stage video')[at]
        const frames = video?.getVideoPlaybackQuality().totalVideoFrames ?? 0
        const seen = globalThis as { framesBefore?: number }
        if (frames === 0) return false
        const before = (seen.framesBefore ??= frames)
        if (frames < before + 20) return false
        delete seen.framesBefore
        return true
      },
      of,
      { polling: 200, timeout: 2 * DEADLINE },
    )
  }

  async close(): Promise<void> {
    await this.context.close()
  }
}
