import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import jwt from 'jsonwebtoken'
import { connectAsync, type MqttClient } from 'mqtt'
import { FreshStart } from './fresh-start.ts'
import { childrenOf, isAlive, ROOT } from './process.ts'

// A fresh machine: no settings, no data, and one command starts everything.

const fresh = new FreshStart()

function environmentOf(pid: number): Record<string, string> {
  const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean)
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
}

test('starts everything without settings, prints the addresses, and prints two tokens that work at once', async () => {
  expect(fresh.said(/(mqtts:\/\/\S+)/)).toMatch(/^mqtts:\/\/127\.0\.0\.1:[1-9]\d+$/)
  expect(fresh.said(/(wss:\/\/\S+)/)).toMatch(/^wss:\/\/127\.0\.0\.1:[1-9]\d+\/mqtt$/)
  const health = fresh.said(/(http:\/\/\S+\/)healthz/)
  for (const path of ['healthz', 'readyz', 'metrics']) expect((await fetch(`${health}${path}`)).status).toBe(200)

  const [alice, bob] = [await fresh.device('alice'), await fresh.device('bob', 'wss')]
  expect(await alice.asks('request_contact', { user_id: 'bob' })).toMatchObject({ event: 'contact_request_sent' })
  expect(await bob.receives('contact_requested')).toMatchObject({ user_id: 'alice' })
})

test('only their owner can read the files, although others may enter the folder', () => {
  const files = readdirSync(fresh.folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.|key|secret/.test(file),
  )
  expect(files).toEqual(expect.arrayContaining(['handlers.db', 'handlers.db-wal', 'broker/broker.lmdb', 'dev/tls.pem']))
  const open = files.filter((file) => (statSync(join(fresh.folder, file)).mode & 0o077) !== 0)
  expect(open).toEqual([])
})

test('each handler process has its own group’s key, and none of the broker’s secrets', async () => {
  const keys = new Set<string>()
  for (const group of ['contacts', 'messaging', 'turn']) {
    const { HANDLER_KEYS = '', ...env } = environmentOf(fresh.part(`handlers/run.js ${group}`))
    expect(HANDLER_KEYS).toMatch(new RegExp(`^${group}=[\\w-]{43}$`))
    keys.add(HANDLER_KEYS.slice(group.length + 1))
    for (const name of ['SECRET', 'HANDLER_KEY', 'OPERATOR_TOKEN', 'TLS_KEY']) expect(env[name]).toBe('')
  }
  expect(keys.size).toBe(3)
  const [contacts] = keys
  const url = fresh.said(/MQTT over TLS +(\S+)/)
  const login = (username: string): Promise<MqttClient> =>
    connectAsync(url, {
      ca: readFileSync(fresh.said(/--ca (\S+)/)),
      clientId: 'messaging.thief',
      username,
      password: contacts!,
      protocolVersion: 5,
      reconnectPeriod: 0,
    })
  for (const name of ['handler', 'handler:messaging']) await expect(login(name)).rejects.toThrow('Not authorized')
  await (await login('handler:contacts')).endAsync()
})

test('SIGTERM ends everything', async () => {
  const parts = [fresh.part('broker/main.js'), fresh.part('handlers/run.js')]
  fresh.start.kill('SIGTERM')
  expect(await fresh.start.ended).toBe(0)
  expect(parts.filter(isAlive)).toEqual([])
  expect(fresh.start.stderr.split('\n').filter((line) => line !== '' && !line.includes('starting it again'))).toEqual(
    [],
  )
})

test('a process that gets SIGTERM while it loads its code exits with 0, as PID 1 too', async () => {
  const loading = 'data:text/javascript,console.log("loading");setInterval(() => {}, 1e6);await new Promise(() => {})'
  const early = join(ROOT, 'shared/stop-early.mjs')
  const node = [process.execPath, '--import', early, '--import', loading, join(ROOT, 'broker/main.ts')]
  const isRoot = process.getuid?.() === 0
  const child = spawn('unshare', [isRoot ? '-pf' : '-Urpf', ...node], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const [first] = childrenOf(child.pid!).keys()
  process.kill(first!, 'SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])

  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  for (const name of ['start', 'dev', 'broker', 'handlers']) {
    expect(scripts[name]).toMatch(/^exec node (?:--enable-source-maps )?--import \.\/shared\/stop-early\.mjs /)
  }
  expect(readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8')).toContain(
    '"node", "--enable-source-maps", "--import", "./dist/shared/stop-early.mjs"',
  )
})

test('a wrong setting ends the start with 1 and its name on stderr, without any value', async () => {
  const several = {
    MQTTS_PORT: 'eight',
    WSS_PORT: '65536',
    SECRET: 'too short',
    HANDLER_KEY: 'too short',
    HANDLER_KEYS: 'contacts',
    LOG_LEVEL: 'loud',
    MAX_COMMAND_BYTES: '-1',
    MONGODB_URL: 'mongo://me:a-password@127.0.0.1/',
  }
  const one = { TLS_CERT: '/no/such/file' }
  const wrong = [several, one, { ...one, TLS_KEY: '/no/such/file' }].map(
    (env) => [env, fresh.run(['scripts/start.ts'], env)] as const,
  )
  for (const [env, start] of wrong) {
    expect([env, await start.ended]).toEqual([env, 1])
    const { stdout, stderr } = start
    const named = Object.keys(env).filter((name) => stderr.includes(`${name}: `) || stderr.includes(`${name} and`))
    expect(named.length).toBeGreaterThan(0)
    if (env === several) expect(named).toEqual(Object.keys(several))
    expect(stderr + stdout).not.toMatch(/too short|a-password|\n {4}at /)
  }
})

test('the token script prints a token and nothing else', async () => {
  const [hour, day] = [fresh.run(['scripts/token.ts', 'a_b']), fresh.run(['scripts/token.ts', 'a_b', '--ttl', '1d'])]
  expect(await Promise.all([hour.ended, day.ended])).toEqual([0, 0])
  const secret = readFileSync(join(fresh.dir, 'dev', 'secret'), 'utf8')
  const lifetimes = [hour, day].map(({ stdout, stderr }) => {
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    expect(stderr).toBe('')
    const claims = jwt.verify(stdout.trim(), secret, { algorithms: ['HS256'] }) as jwt.JwtPayload
    expect(claims.sub).toBe('a_b')
    return claims.exp! - claims.iat!
  })
  expect(lifetimes).toEqual([3600, 86_400])

  const wrong = [[], ['alice', '--ttl', 'soon'], ['--what'], ['alice', '--claims', '[]']]
  for (const one of wrong.map((args) => fresh.run(['scripts/token.ts', ...args]))) {
    expect(await one.ended).toBe(1)
    expect([one.stdout, one.stderr]).toEqual(['', expect.stringMatching(/\S/)])
  }
})
