import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { closeAll, type Closable } from '../shared/shutdown.ts'
import { openBrowser, openSite, type Site } from './browser.ts'
import { LOOPBACK_PEERS, openCoturn } from './coturn.ts'
import { befriend } from './friends.ts'
import { Parts } from './parts.ts'

const TURN_SECRET = 'a-secret-of-the-tests'

/** What calls between pages take: a browser, a site, a real coturn, and a platform that gives out credentials for it. */
export interface CallPlace extends Closable {
  readonly browser: Browser
  readonly site: Site
  readonly parts: Parts
  /** Makes all of these users contacts of each other, from devices that leave again. */
  befriend(...users: string[]): Promise<void>
  /** Closes this with the place. */
  keep<T extends Closable>(one: T): T
}

/**
 * @param script of `test/page/`, that the site serves
 * @param settings of the platform, besides those of TURN and the site's origin
 */
export async function openCallPlace(script: string, settings: Record<string, string> = {}): Promise<CallPlace> {
  const opened: Closable[] = []
  const keep = <T extends Closable>(one: T): T => {
    opened.push(one)
    return one
  }
  const folder = mkdtempSync(join(tmpdir(), 'coturn-'))
  keep({ close: async () => rmSync(folder, { recursive: true }) })
  const coturn = keep(await openCoturn(folder, [...LOOPBACK_PEERS, `--static-auth-secret=${TURN_SECRET}`]))
  const browser = keep(await openBrowser())
  const site = keep(await openSite(script))
  const turn = { TURN_URIS: `turn:127.0.0.1:${coturn.port}`, TURN_SECRET }
  const parts = keep(await Parts.open({ WSS_ORIGINS: site.origin, ...turn, ...settings }))
  await Promise.all(['contacts', 'signaling', 'turn'].map((group) => parts.startHandlers(group)))
  return {
    browser,
    site,
    parts,
    keep,
    async befriend(...users) {
      const devices = await Promise.all(users.map((user) => parts.device(user)))
      for (const [i, one] of devices.entries()) for (const other of devices.slice(i + 1)) await befriend(one, other)
      await Promise.all(devices.map((device) => device.leaves()))
    },
    close: () => closeAll(opened),
  }
}
