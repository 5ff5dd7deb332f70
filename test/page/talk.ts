import type { Browser, Page } from 'playwright-core'
import type { Call, Calls, Conference, Invitation } from '../../client/index.ts'
import type { Closable } from '../../shared/shutdown.ts'
import type { Site } from '../browser.ts'

// A person at a page that calls through the client library: talk-page.ts.

const DEADLINE = 45_000

export interface Person {
  url: string
  user: string
  token: string
  policy: 'all' | 'relay'
}

/** What one side has received so far. */
export interface Flow {
  frames: number
  /** Is the picture taller than wide? Browsers short of CPU scale it, but keep its shape. */
  isUpright: boolean
  /** Bytes. */
  sound: number
  /** `host`, `srflx`, `prflx` or `relay`. */
  way: string
  /** Identifies the ICE session of this side. */
  fragment: string
}

/** The global `talk` of the page. */
export interface Talk {
  media: MediaStreamConstraints
  calls?: Calls
  call?: Call
  conference?: Conference
  incoming: Call[]
  invitations: Invitation[]
  heard: string[]
  states: string[]
  camera?: MediaStreamTrack
  logsIn(person: Person): Promise<void>
  watches(call: Call): void
  sits(conference: Conference): void
  isOnline(): boolean
  /** Tries to log in now, whatever its back-off says. */
  wakes(): void
  /** Everything visible, for the error when something never comes. */
  sight(): Promise<string>
  callList(): Promise<{ state: string }[]>
  flow(of?: Pick<Call, 'getStats'>): Promise<Flow>
  until(is: () => boolean | Promise<boolean>): Promise<void>
  /** Resolves when twenty more frames were decoded, and sound has arrived. */
  mediaFlow(of?: Pick<Call, 'getStats'>): Promise<void>
}

/** A person at a page. */
export class Talker implements Closable {
  readonly user: string
  readonly page: Page

  readonly #person: Person

  private constructor(person: Person, page: Page) {
    this.user = person.user
    this.page = page
    this.#person = person
  }

  static async open(browser: Browser, site: Site, person: Person): Promise<Talker> {
    const context = await browser.newContext({ ignoreHTTPSErrors: true })
    try {
      const page = await context.newPage()
      await page.goto(site.origin)
      const talker = new Talker(person, page)
      await talker.#logsIn()
      return talker
    } catch (err) {
      await context.close()
      throw err
    }
  }

  /** Loads the page anew, and logs in as before. */
  async reloads(): Promise<void> {
    await this.page.reload()
    await this.#logsIn()
  }

  /** The page ends without a word, as when a phone's battery is empty. */
  async dies(): Promise<void> {
    const session = await this.page.context().newCDPSession(this.page)
    const isDead = this.page.waitForEvent('crash')
    session.send('Page.crash').catch(() => {}) // nobody is left to answer
    await isDead
  }

  async #logsIn(): Promise<void> {
    await this.page.waitForFunction(() => 'talk' in globalThis, undefined, { timeout: DEADLINE })
    await this.does((talk, as) => talk.logsIn(as), this.#person)
  }

  /**
   * Runs in the page, so it may use only its arguments.
   * @throws when it takes too long
   */
  async does<Told, Given = undefined>(
    work: (talk: Talk & { call: Call; calls: Calls; conference: Conference }, given: Given) => Told | Promise<Told>,
    given?: Given,
  ): Promise<Told> {
    const run = `(${String(work)})(talk, ${JSON.stringify(given)})`
    const late = `new Promise((_, reject) => setTimeout(async () => reject(new Error(await talk.sight())), ${DEADLINE}))`
    try {
      return await this.page.evaluate<Told>(`Promise.race([${run}, ${late}])`)
    } catch (err) {
      throw new Error(`${this.user}'s page: ${String(work)}: ${(err as Error).message}`, { cause: err })
    }
  }

  close(): Promise<void> {
    return this.page.context().close()
  }
}
