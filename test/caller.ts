import type { Browser, Page } from 'playwright-core'
import type { Closable } from '../shared/shutdown.ts'
import { tokenFor } from './device.ts'
import type { Answer, Login, Phone, Sight } from './phone.ts'
import type { Site } from './browser.ts'

declare const phone: Phone // exists in the page

const DEADLINE = 60_000

/** A person at a page that can hold a call. */
export class Caller implements Closable {
  readonly user: string
  readonly #page: Page

  private constructor(user: string, page: Page) {
    this.user = user
    this.#page = page
  }

  /** Opens the page, and logs in there. */
  static async open(
    browser: Browser,
    site: Site,
    { secret, ...login }: Omit<Login, 'token'> & { secret: string },
  ): Promise<Caller> {
    const context = await browser.newContext({ ignoreHTTPSErrors: true })
    try {
      const page = await context.newPage()
      await page.goto(site.origin)
      await page.waitForFunction(() => 'phone' in globalThis, undefined, { timeout: DEADLINE })
      const caller = new Caller(login.user, page)
      await caller.#tells((as) => phone.logsIn(as), { ...login, token: tokenFor(login.user, secret) })
      return caller
    } catch (err) {
      await context.close()
      throw err
    }
  }

  asks(command: string, fields: object = {}): Promise<Answer> {
    return this.#tells(([name, given]) => phone.asks(name, given), [command, fields] as const)
  }

  /** Ignores signals until its own offer is out. */
  holds(): Promise<void> {
    return this.#tells(() => phone.holds(), undefined)
  }

  calls(other: Caller, callId: string): Promise<void> {
    return this.#tells(([user, id]) => phone.calls(user, id), [other.user, callId] as const)
  }

  restartsIce(): Promise<void> {
    return this.#tells(() => phone.restartsIce(), undefined)
  }

  addsPicture(): Promise<void> {
    return this.#tells(() => phone.addsPicture(), undefined)
  }

  sight(): Promise<Sight> {
    return this.#tells(() => phone.sight(), undefined)
  }

  /**
   * Resolves with what the page sees once the condition holds.
   * @param is the condition; it runs in the page, so it may use its arguments alone
   * @param before what the page saw earlier, for comparison
   */
  async sees(is: (now: Sight, before: Sight) => boolean, before?: Sight): Promise<Sight> {
    // waitForFunction treats a promise as true
    const watch = `phone.sees(${String(is)}, ${JSON.stringify(before ?? null)} ?? undefined, ${DEADLINE})`
    return (await this.#page.evaluate(watch).catch((err: Error) => {
      throw new Error(`${this.user}: ${err.message}`, { cause: err })
    })) as Sight
  }

  close(): Promise<void> {
    return this.#page.context().close()
  }

  /** @throws when it takes too long */
  async #tells<Given, Told>(work: (given: Given) => Told | Promise<Told>, given: Given): Promise<Told> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.user}'s page does not answer: ${String(work)}`)), DEADLINE)
    })
    // its types cannot express that arguments and results are JSON
    const told = this.#page.evaluate(work as (given: unknown) => unknown, given) as Promise<Told>
    return Promise.race([told, late]).finally(() => clearTimeout(timer))
  }
}
