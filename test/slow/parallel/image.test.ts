// @needs buildah
import { once } from 'node:events'
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test as always } from '@jest/globals'
import { readConfig } from '../../../shared/config.ts'
import { tlsFiles } from '../../../shared/dev-secrets.ts'
import { services } from '../../compose.ts'
import { Device } from '../../device.ts'
import { freePorts } from '../../free-port.ts'
import { buildImage, cannotBuild, type Container, type Image } from '../../image.ts'
import { childrenOf } from '../../process.ts'

// The image of docker-compose.yml: built, then run with the commands and health checks of that file.

const reason = cannotBuild()
const test = reason === undefined ? always : always.skip // the last lines of a run name what was skipped
if (reason !== undefined) process.stderr.write(`the image cannot be built here: ${reason}\n`)

const [SECRET, HANDLER_KEY] = ['a secret of the tests', 'a handler key of the tests']
const PORTS = await freePorts()
const ENV = { NODE_ENV: 'production', DATA_DIR: '/data', LOG_LEVEL: 'info' }

let image: Image | undefined
let dir: string
let mounts: { data: string; secrets: string }
let ca: string
beforeAll(async () => {
  if (reason !== undefined) return
  dir = mkdtempSync(join(tmpdir(), 'containers-'))
  mounts = { data: join(dir, 'data'), secrets: join(dir, 'secrets') }
  for (const folder of Object.values(mounts)) mkdirSync(folder)
  chownSync(mounts.data, 1000, 1000)
  const { cert, key } = await tlsFiles(readConfig({ DATA_DIR: join(dir, 'ca') }))
  ca = cert
  for (const [name, pem] of [['tls_cert', cert] as const, ['tls_key', key] as const]) {
    writeFileSync(join(mounts.secrets, name), pem, { mode: 0o400 })
    chownSync(join(mounts.secrets, name), 1000, 1000)
  }
  image = await buildImage()
}, 600_000)
afterAll(async () => {
  if (reason !== undefined) return
  await image?.close()
  rmSync(dir, { recursive: true })
})

/** A service's command in docker-compose.yml, or the one of its health check, with the ports of this test. */
function listOf(service: string, key: 'command' | 'test'): string[] {
  const { command, healthcheck } = services.get(service)!
  const words = key === 'command' ? command! : healthcheck.test
  const port: Record<string, string> = { '8883': PORTS.MQTTS_PORT, '9090': PORTS.ADMIN_PORT }
  return words.filter((word) => word !== 'CMD').map((word) => port[word] ?? word)
}

function start(service: string, command = listOf(service, 'command'), more: Record<string, string> = {}): Container {
  const own = service === 'broker' ? BROKER : HANDLERS
  return image!.start(command, { ...ENV, ...PORTS, ...own, ...more }, mounts)
}
const BROKER = { SECRET, HANDLER_KEY, TLS_CERT: '/run/secrets/tls_cert', TLS_KEY: '/run/secrets/tls_key' }
const HANDLERS = {
  HANDLER_KEY,
  BROKER_URL: `mqtts://127.0.0.1:${PORTS.MQTTS_PORT}`,
  BROKER_CA: '/run/secrets/tls_cert',
}

/** Runs a command until it ends. */
async function ends(
  service: string,
  command: string[],
  more?: Record<string, string>,
): Promise<[number | null, string]> {
  const container = start(service, command, more)
  return [await container.ended, container.said]
}

/** Resolves when the container has printed this; rejects when it ends first. */
async function says(container: Container, what: RegExp): Promise<void> {
  while (!what.test(container.said)) {
    const isOver = await Promise.race([
      container.ended.then(() => true),
      once(container.child.stdout!, 'data').then(() => false),
    ])
    if (isOver && !what.test(container.said)) throw new Error(`it ended: ${container.said}`)
  }
}

/** Does what `docker stop` does. */
function stop({ child }: Container, signal: NodeJS.Signals = 'SIGTERM'): void {
  const [first] = childrenOf(child.pid!).keys()
  process.kill(first!, signal)
}

test('a broker and a group run in the image as uid 1000 on a read-only root, answer a command, and exit with 0', async () => {
  expect(image!.config).toMatchObject({ User: 'node', Cmd: listOf('broker', 'command') })
  const [broker, contacts] = [start('broker'), start('contacts')]
  await Promise.all([says(broker, /the broker listens/), says(contacts, /"serving"/)])

  const url = HANDLERS.BROKER_URL
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((user) => Device.connect(user, url, SECRET, ca)))
  expect(await alice!.asks('request_contact', { user_id: 'bob' })).toMatchObject({ event: 'contact_request_sent' })
  expect(await bob!.receives('contact_requested')).toMatchObject({ user_id: 'alice' })
  await Promise.all([alice!.mqtt.endAsync(true), bob!.mqtt.endAsync(true)])

  for (const service of ['broker', 'contacts']) expect(await ends(service, listOf(service, 'test'))).toEqual([0, ''])
  expect(await ends('broker', ['id', '-u'])).toEqual([0, '1000\n'])

  // The image holds compiled code and the packages it needs, and no compiler.
  expect(await ends('broker', ['ls'])).toEqual([0, 'deploy\ndist\nnode_modules\npackage.json\n'])
  const [, packages] = await ends('broker', ['ls', 'node_modules'])
  for (const tool of ['tsx', 'esbuild', 'typescript']) expect(packages.split('\n')).not.toContain(tool)

  expect((await ends('broker', ['sh', '-c', 'npm --version']))[0]).toBe(127)
  expect(await ends('contacts', ['sh', 'deploy/health.sh', 'running'])).toEqual([0, '']) // in deploy/helm

  // The scripts that an operator runs beside them.
  const dead = ['node', 'dist/scripts/dead.js', 'list']
  expect(await ends('broker', dead)).toEqual([0, '0 dead letters\n'])
  const token = ['node', 'dist/scripts/token.js', 'alice']
  expect(await ends('broker', token)).toEqual([0, expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)])

  for (const one of [contacts, broker]) stop(one)
  expect(await Promise.all([contacts.ended, broker.ended])).toEqual([0, 0])
  for (const service of ['broker', 'contacts']) expect((await ends(service, listOf(service, 'test')))[0]).not.toBe(0)

  const data = (...args: string[]): string[] => ['node', 'dist/scripts/data.js', ...args]
  expect(await ends('contacts', data('export', '/data/dump'))).toEqual([
    0,
    expect.stringContaining('all as it should be'),
  ])
  expect((await ends('contacts', data('check', '/data/dump')))[0]).toBe(0)
})

test('every group that docker-compose.yml names loads in the image', async () => {
  const groups = [...services].flatMap(([name, { command }]) =>
    command?.includes('dist/handlers/run.js') ? [name] : [],
  )
  expect(groups).toContain('signaling')
  const [status, said] = await ends('broker', ['node', 'dist/handlers/describe.js'])
  expect(status).toBe(0)
  expect(Object.keys(JSON.parse(said) as object).toSorted()).toEqual(groups.toSorted())
})

test('the health check kills a frozen process, and says which', async () => {
  const script =
    'node -e "process.kill(process.pid, \'SIGSTOP\')" & until grep -qs "^State:.T " /proc/$!/status; do :; done; exec "$@"'
  const [status, said] = await ends('contacts', ['sh', '-c', script, 'sh', ...listOf('contacts', 'test')])
  expect([status, said]).toEqual([1, expect.stringMatching(/^process \d+ is stopped; killing it\n$/)])
})

test('data of another owner, or data in use by another broker, is an error that names the setting', async () => {
  const [status, said] = await ends('broker', listOf('broker', 'command'), { DATA_DIR: '/app/deploy' })
  expect([status, said]).toEqual([1, expect.stringMatching(/^DATA_DIR: cannot use \/app\/deploy\/broker: .*\n$/)])
  const first = start('broker')
  await says(first, /the broker listens/)
  expect(await ends('broker', listOf('broker', 'command'))).toEqual([
    1,
    expect.stringContaining('DATA_DIR: another broker uses /data/broker'),
  ])
  stop(first)
  expect(await first.ended).toBe(0)
})
