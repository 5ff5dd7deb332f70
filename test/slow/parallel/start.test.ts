import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import jwt from 'jsonwebtoken'
import { Device } from '../../device.ts'
import { freePorts } from '../../free-port.ts'
import { FreshStart } from '../../fresh-start.ts'
import { isAlive, Run } from '../../process.ts'

// `npm start` when its processes are killed or stopped, at whatever moment. start.test.ts shows that it starts.

const fresh = new FreshStart()

/** Kills the process of a part as soon as it exists. */
async function killAtOnce(platform: Run, script: string, but = 0): Promise<number> {
  for (;;) {
    const found = [...platform.children()].find(([pid, command]) => pid !== but && command.includes(script))
    if (!found) await new Promise((resolve) => setTimeout(resolve, 20))
    else {
      process.kill(found[0], 'SIGKILL')
      return found[0]
    }
  }
}

test('a killed handler process is restarted, and commands sent meanwhile run', async () => {
  const bob = await fresh.device('bob')
  process.kill(fresh.part('handlers/run.js'), 'SIGKILL')
  await fresh.start.says(/contacts ended \(SIGKILL\); starting it again/)
  expect(await bob.asks('get_contact_list')).toMatchObject({ event: 'contact_list' })
})

test('a killed broker is restarted on the same ports, and handlers and devices reconnect', async () => {
  process.kill(fresh.part('broker/main.js'), 'SIGKILL')
  await fresh.start.says(/broker ended \(SIGKILL\); starting it again/)
  await fresh.start.says(/the broker listens[^]*the broker listens[^]*"serving"/)
  const alice = await fresh.device('alice')
  expect(await alice.asks('get_contact_list')).toMatchObject({ event: 'contact_list' })
})

test('parts that are killed during the start are restarted, on an address other than 127.0.0.1 too', async () => {
  const settings = { HOST: '127.0.0.2', SECRET: 'a secret of the tests', HANDLER_KEY: 'a handler key of the tests' }
  const other = fresh.run(['scripts/start.ts'], { ...settings, ...(await freePorts()) })
  const loading = await killAtOnce(other, 'broker/main.js')
  await other.says(/broker ended before it served \(SIGKILL\)/)
  await other.says(/the broker listens/)
  await killAtOnce(other, 'handlers/run.js contacts')
  await killAtOnce(other, 'handlers/run.js turn')
  await killAtOnce(other, 'broker/main.js', loading)
  await other.says(/Ctrl-C ends it/)
  expect(other.stderr).toMatch(/contacts ended before it served \(SIGKILL\)/)
  expect(other.stderr).toMatch(/broker ended \(SIGKILL\); starting it again/)
  const url = /MQTT over TLS +(\S+)/.exec(other.stdout)![1]!
  expect(url).toMatch(/^mqtts:\/\/127\.0\.0\.2:\d+$/)
  const ca = readFileSync(/--ca (\S+)/.exec(other.stdout)![1]!, 'utf8')
  const alice = await Device.connect('alice', url, settings.SECRET, ca)
  expect(await alice.asks('get_contact_list')).toMatchObject({ event: 'contact_list' })
  await alice.mqtt.endAsync(true)
  other.kill('SIGTERM')
  expect(await other.ended).toBe(0)
})

test('npm start that gets SIGTERM while starting exits at once, with 0 and no processes left', async () => {
  const other = fresh.run(['scripts/start.ts'], await freePorts())
  await other.says(/the broker listens/)
  const children = [...other.children().keys()]
  expect(children.length).toBeGreaterThan(0)
  other.kill('SIGTERM')
  expect(await other.ended).toBe(0)
  expect(children.filter(isAlive)).toEqual([])
  expect(other.stderr).toBe('')
})

test('in production missing settings are named, and nothing is generated', async () => {
  const env = { NODE_ENV: 'production' }
  const keys = { SECRET: 'a secret of production', HANDLER_KEY: 'a key of production' }
  const missing: [string, Run][] = [
    ['SECRET', fresh.run(['broker/main.ts'], env)],
    ['SECRET', fresh.run(['scripts/token.ts', 'alice'], env)],
    ['TLS_CERT', fresh.run(['broker/main.ts'], { ...env, ...keys })],
    ['HANDLER_KEY', fresh.run(['handlers/run.ts', 'contacts'], env)],
  ]
  for (const [name, one] of missing) {
    expect([name, await one.ended]).toEqual([name, 1])
    expect(one.stderr).toContain(`${name}: must be set when NODE_ENV=production`)
  }
  expect(() => statSync(join(fresh.dir, 'dev'))).toThrow('ENOENT')
})

test('processes that start at once on a fresh machine agree on one secret, readable by their owner alone', async () => {
  const all = ['ada', 'ben', 'cleo', 'dan'].map((name) => fresh.run(['scripts/token.ts', name]))
  await Promise.all(all.map(({ ended }) => ended))
  const secret = readFileSync(join(fresh.dir, 'dev', 'secret'), 'utf8')
  for (const { stdout } of all) expect(jwt.verify(stdout.trim(), secret)).toHaveProperty('sub')
  expect(statSync(join(fresh.dir, 'dev')).mode & 0o077).toBe(0)
  expect(statSync(join(fresh.dir, 'dev', 'secret')).mode & 0o077).toBe(0)
})
