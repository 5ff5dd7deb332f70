// @needs Chromium, Keycloak
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { closeAll, type Closable } from '../../../shared/shutdown.ts'
import { openBrowser } from '../../browser.ts'
import { freePorts } from '../../free-port.ts'
import { openKeycloak, type Keycloak } from '../../keycloak.ts'
import { Parts } from '../../parts.ts'

// People sign in on the page through a real Keycloak, with the realm that we ship.

/** Seconds that an access token lasts: just longer than the minute before its end at which the platform asks for another. */
const LIFESPAN = 70
const ALICE = 'kc:a11ce000-0000-4000-8000-000000000001'
const OLGA = 'kc:016a0000-0000-4000-8000-000000000003'

const opened: Closable[] = []
let keycloak: Keycloak
let parts: Parts
let browser: Browser
let origin: string
beforeAll(async () => {
  const ports = await freePorts()
  origin = `https://127.0.0.1:${ports.WSS_PORT}`
  keycloak = keep(await openKeycloak(origin, { accessTokenLifespan: LIFESPAN }))
  const issuer = {
    issuer: keycloak.issuer,
    audience: 'switchboard',
    role_claim: 'realm_access.roles',
    web: { client_id: 'app', name: 'Keycloak' },
    alias: 'kc',
  }
  parts = keep(await Parts.open({ ...ports, OIDC_ISSUERS: JSON.stringify([issuer]) }))
  await Promise.all(
    ['contacts', 'groups', 'messaging', 'presence', 'profiles', 'signaling', 'turn'].map((group) =>
      parts.startHandlers(group),
    ),
  )
  browser = keep(await openBrowser())
}, 700_000)
afterAll(() => closeAll(opened))

function keep<T extends Closable>(one: T): T {
  opened.push(one)
  return one
}

interface Tokens {
  access: string
  refresh: string
}

/** What this tab has from Keycloak. */
const tokensOf = (page: Page): Promise<Tokens> =>
  page.evaluate(() => (JSON.parse(sessionStorage.getItem('switchboard.oidc.session')!) as { tokens: Tokens }).tokens)

const claimsOf = (token: string): { exp: number } =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { exp: number }

/** Opens the page in a browser of their own, and signs in by Keycloak's form. */
async function signsIn(user: string): Promise<{ context: BrowserContext; page: Page; blocked: string[] }> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  const blocked: string[] = []
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) blocked.push(message.text())
  })
  await page.goto(origin)
  await page.getByRole('button', { name: /Keycloak/ }).click()
  await page.locator('#username').fill(user)
  await page.locator('#password').fill(user)
  await page.locator('#kc-login').click()
  await page.waitForURL((url) => url.origin === origin)
  return { context, page, blocked }
}

async function shows(page: Page, user: string): Promise<void> {
  await page.locator('nav a[href="#/settings"]').click()
  await page.locator(`code:text-is("${user}")`).waitFor()
}

test('alice signs in by Keycloak’s form; her token is renewed before it ends; signing out ends the session there, too', async () => {
  const { context, page, blocked } = await signsIn('alice')
  await shows(page, ALICE)
  expect(new URL(page.url()).search).toBe('')
  const first = await tokensOf(page)
  const renewed = await page.waitForFunction(
    (old) => {
      const { tokens } = JSON.parse(sessionStorage.getItem('switchboard.oidc.session')!) as {
        tokens: { access: string }
      }
      return tokens.access !== old && tokens.access
    },
    first.access,
    { timeout: LIFESPAN * 1_000 },
  )
  expect(claimsOf((await renewed.jsonValue()) as string).exp).toBeGreaterThan(claimsOf(first.access).exp)

  const isOver = (claimsOf(first.access).exp + 10) * 1_000 - Date.now()
  await page.waitForTimeout(isOver) // the first token's end, and the tolerance
  await page.getByLabel('Name').fill('Alice A.')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Your profile is saved.').waitFor() // it is still connected

  const last = await tokensOf(page)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('button', { name: /Keycloak/ }).waitFor()
  expect(new URL(page.url()).origin).toBe(origin)
  expect(await page.evaluate(() => sessionStorage.getItem('switchboard.oidc.session'))).toBe(null)
  const again = await fetch(`${keycloak.issuer}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'app', grant_type: 'refresh_token', refresh_token: last.refresh }),
  })
  expect([again.status, await again.json()]).toMatchObject([400, { error: 'invalid_grant' }])
  await page.getByRole('button', { name: /Keycloak/ }).click()
  await page.locator('#password').waitFor() // she is asked again
  expect(blocked).toEqual([])
  await context.close()
})

test('a user with the realm role operator may send what only operators may; one without is refused', async () => {
  const answers = []
  for (const [name, user] of [
    ['olga', OLGA],
    ['alice', ALICE],
  ] as const) {
    const { context, page } = await signsIn(name)
    await shows(page, user)
    const { access } = await tokensOf(page)
    const device = await parts.device(user, { token: access, clientId: `${name}s-tool` })
    const { event, code } = await device.asks('kick_user', { user_id: 'nobody' })
    answers.push([name, event, code])
    await device.leaves()
    await context.close()
  }
  expect(answers).toEqual([
    ['olga', 'user_kicked', undefined],
    ['alice', 'command_rejected', 'forbidden'],
  ])
})

test('what Keycloak refuses is told in words, and nobody is signed in', async () => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  await page.goto(origin)
  await page.getByRole('button', { name: /Keycloak/ }).click()
  await page.locator('#username').waitFor()
  const state = new URL(page.url()).searchParams.get('state')!
  await page.goto(`${origin}/?error=access_denied&error_description=You%20said%20no&state=${encodeURIComponent(state)}`)
  await page.getByText('You said no').waitFor()
  await page.goto(`${origin}/?code=stolen&state=another`)
  await page.getByRole('button', { name: /Keycloak/ }).waitFor()
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
  await context.close()
})
