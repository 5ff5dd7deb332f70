import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { REAL_PARTS } from '../test/real-parts.ts'

// Before the tests: installs the third-party programs they talk to, as root on Debian. Elsewhere it lists what is missing, and the tests
// that need it are skipped. `--mongo` and `--slow` add what these tests need. NO_INSTALL=1 installs nothing.

const mayInstall = process.getuid?.() === 0 && existsSync('/etc/debian_version') && process.env['NO_INSTALL'] !== '1'

let isListFresh = false
for (const [name, part] of Object.entries(REAL_PARTS)) {
  if (part.only && !part.only.some((option) => process.argv.includes(option))) continue
  if (part.isHere()) continue
  const packages = part.packages.join(' ')
  if (part.fetch && fetches(name, part.fetch) && part.isHere()) continue
  if (!mayInstall) {
    console.error(
      `${name} is missing, so the tests that need it are skipped. Debian and Ubuntu: sudo apt-get install ${packages}`,
    )
    continue
  }
  console.error(`${name} is missing: installing ${packages} ...`)
  if (!isListFresh) isListFresh = aptGet('update')
  const isInstalled = aptGet('install', '-y', '--no-install-recommends', ...part.packages)
  if (isInstalled && part.fetch) fetches(name, part.fetch)
  if (!part.isHere()) {
    console.error(`${name} could not be installed, so the tests that need it are skipped`)
  }
}

/** @returns whether it succeeded; false when its program is missing */
function fetches(name: string, [program = '', ...args]: readonly string[]): boolean {
  if (process.env['NO_INSTALL'] === '1') return false
  console.error(`${name} is missing: fetching it ...`)
  return spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0
}

/** @returns whether it succeeded; if not, apt-get's output is shown */
function aptGet(...args: string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status, stdout, stderr } = spawnSync('apt-get', ['-qq', ...args], { env, encoding: 'utf8' })
  if (status !== 0) console.error(`${stdout ?? ''}${stderr ?? ''}`.trimEnd())
  return status === 0
}
