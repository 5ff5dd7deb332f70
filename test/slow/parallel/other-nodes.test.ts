import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, expect, test as always } from '@jest/globals'
import { RECOMMENDED_NODE } from '../../../scripts/recommended-node.ts'
import { Device } from '../../device.ts'
import { ROOT, Run } from '../../process.ts'

// The oldest supported Node, and the image's: each is the npm package with its binary, in a temporary folder.

const { engines } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { engines: { node: string } }
const OLDEST = /^>=(\d+\.\d+)$/.exec(engines.node)![1]!
const PACKAGE = `node-${process.platform}-${process.arch}`
const MINUTES = 60_000
/** Tests that load native packages, start threads or processes, or depend on differences between Node versions. */
const TESTS = [
  'broker/storage',
  'broker/core/queue',
  'shared/store/sqlite.test.ts',
  'shared/runtime/connection',
  'shared/log.test.ts',
]

const dir = mkdtempSync(join(tmpdir(), 'nodes-'))
afterAll(() => rmSync(dir, { recursive: true }))

for (const [name, version] of [
  ['the oldest', OLDEST],
  ['the recommended', RECOMMENDED_NODE],
] as const) {
  const prefix = join(dir, version)
  const args = ['install', '--prefix', prefix, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund']
  const got = spawnSync('npm', [...args, `${PACKAGE}@${version}`], { encoding: 'utf8', timeout: 6 * MINUTES })
  const node = join(prefix, 'node_modules', PACKAGE, 'bin/node')
  if (got.status !== 0)
    process.stderr.write(`${PACKAGE} ${version} cannot be fetched here: ${got.error?.message ?? got.stderr}\n`)
  const test = got.status === 0 ? always : always.skip // the last lines of a run name what was skipped

  test(`${name} Node is a long-term release of that version`, () => {
    const release = spawnSync(node, ['-p', 'process.versions.node + " " + process.release.lts'], { encoding: 'utf8' })
    expect(release.stdout).toMatch(new RegExp(`^${version.replaceAll('.', '\\.')}(?:\\.\\d+)? [A-Z][a-z]+\\n$`))
  })

  test(
    `on ${name} Node the binaries load, and what is built on them keeps its promises`,
    () => {
      const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env['PATH']}` }
      const run = spawnSync('npm', ['run', '--silent', 'jest', '--', '--maxWorkers=1', ...TESTS], {
        cwd: ROOT,
        env,
        encoding: 'utf8',
        timeout: 10 * MINUTES,
      })
      expect([run.status, run.stderr]).toEqual([0, expect.stringMatching(/Tests: +\d+ passed, \d+ total/)])
    },
    11 * MINUTES,
  )

  test(`on ${name} Node the platform starts without a warning, and answers`, async () => {
    const data = join(dir, `data-${version}`)
    const env = { NODE_ENV: '', DATA_DIR: data, MQTTS_PORT: '0', WSS_PORT: '0', ADMIN_PORT: '0' }
    const start = new Run(['scripts/start.ts'], { node, env })
    try {
      await start.says(/Ctrl-C ends it/)
      if (version === RECOMMENDED_NODE) expect(start.stdout).not.toContain('times as many commands')
      const [url, token] = [/mqtts:\S+/.exec(start.stdout)![0], /ALICE=(\S+)/.exec(start.stdout)![1]!]
      const ca = readFileSync(join(data, 'dev/tls-cert.pem'), 'utf8')
      const alice = await Device.connect('alice', url, 'none', ca, { token })
      expect(await alice.asks('request_contact', { user_id: 'bob' })).toMatchObject({ event: 'contact_request_sent' })
      await alice.leaves()
      start.kill('SIGTERM')
      expect([await start.ended, start.stderr]).toEqual([0, ''])
    } finally {
      await start.close()
    }
  })
}
