import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Closable } from '../shared/shutdown.ts'
import { freePort } from './free-port.ts'
import { ROOT } from './process.ts'
import { KEYCLOAK } from './real-parts.ts'

// A real Keycloak on loopback, with the realm that we ship. It takes a minute to start, and five on an overloaded machine.

const DEADLINE = 600_000

export interface Keycloak extends Closable {
  /** The realm's URL: what its tokens name as their issuer. */
  readonly issuer: string
}

/**
 * Starts a Keycloak whose realm knows the page at this origin.
 * @param page the origin at which the page is served
 * @param more fields of the realm, such as how long tokens last
 */
export async function openKeycloak(page: string, more: object = {}): Promise<Keycloak> {
  const folder = mkdtempSync(join(tmpdir(), 'keycloak-'))
  execFileSync('tar', ['xzf', KEYCLOAK, '-C', folder, '--strip-components=1'])
  const realm = readFileSync(join(ROOT, 'deploy/keycloak/switchboard-realm.json'), 'utf8')
  const ours = JSON.parse(realm.replaceAll('https://localhost:8443', page)) as object
  mkdirSync(join(folder, 'data/import'), { recursive: true })
  writeFileSync(join(folder, 'data/import/switchboard-realm.json'), JSON.stringify({ ...ours, ...more }))
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}/realms/switchboard`
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(
    join(folder, 'bin/kc.sh'),
    ['start-dev', '--import-realm', '--http-host=127.0.0.1', `--http-port=${port}`],
    { env: { PATH, HOME, JAVA_OPTS_APPEND: '-Xmx700m' }, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  )
  let said = ''
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (text: string) => (said += text))
  }
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  let isOver = false
  void ended.then(() => (isOver = true))
  const close = async (): Promise<void> => {
    if (!isOver) process.kill(-child.pid!, 'SIGKILL') // its script, and the Java below
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  for (const until = Date.now() + DEADLINE; ; await pause(250)) {
    if ((await fetch(`${issuer}/.well-known/openid-configuration`).catch(() => undefined))?.ok) return { issuer, close }
    if (!isOver && Date.now() < until) continue
    await close()
    throw new Error(`Keycloak does not answer: ${said}`)
  }
}
