import { expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { startBroker } from '../broker/broker.ts'
import { ConfigError, readConfig } from '../shared/config.ts'
import { readPem, sharedHandlerKeys, tlsFiles, tokenSecrets } from '../shared/dev-secrets.ts'
import { openLog } from '../shared/log.ts'
import { groupsIn } from '../shared/runtime/scan.ts'
import { composeText, services } from './compose.ts'
import { settings } from '../shared/settings.ts'
import { renderSettings } from '../scripts/settings-docs.ts'
import { Run } from './process.ts'
import { HANDLERS } from './stage.ts'

const path = (file: string): string => fileURLToPath(new URL(`../${file}`, import.meta.url))
const read = (file: string): string => readFileSync(path(file), 'utf8')
const example = read('.env.example')

const SETTINGS = Object.keys(settings.shape)
const NOT_YET = SETTINGS.filter((name) => refusalOf({ [name]: 'anything' }).includes('not part of this version'))
const SECRET_ONES = ['SECRET', 'HANDLER_KEY', 'HANDLER_KEYS', 'TLS_KEY', 'TURN_SECRET', 'MONGODB_URL']
const LONG = 'sixteen-characters'
const PRODUCTION = { NODE_ENV: 'production', SECRET: LONG, HANDLER_KEY: LONG, TLS_CERT: 'c.pem', TLS_KEY: 'k.pem' }

/** The error for these settings; empty when they are accepted. */
function refusalOf(env: Record<string, string>): string {
  try {
    readConfig(env)
    return ''
  } catch (err) {
    if (err instanceof ConfigError) return err.message
    throw err
  }
}

/** Runs in a temporary folder. */
async function inFreshFolder<T>(work: (dir: string) => T | Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-'))
  try {
    return await work(dir)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/** Runs Node in a folder, with this environment alone. */
function run(args: string[], cwd: string, env: Record<string, string>) {
  return spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8' })
}

// Which values are valid, and how mistakes are reported

test.each([
  ['MQTTS_PORT', '70000'],
  ['WSS_PORT', '-1'],
  ['ADMIN_PORT', '9090.5'],
  ['NODE_ENV', 'staging'],
  ['LOG_LEVEL', 'verbose'],
  ['SECRET', 'too-short'],
  ['SECRET', `${LONG},too-short`],
  ['SECRET', ','],
  ['HANDLER_KEY', 'too-short'],
  ['HANDLER_KEYS', LONG],
  ['HANDLER_KEYS', 'contacts=too-short'],
  ['HANDLER_KEYS', `contacts=${LONG},=${LONG}`],
  ['BROKER_URL', 'mqtt://plaintext.example'],
  ['WSS_ORIGINS', 'app.example.com'],
  ['WSS_ORIGINS', 'https://app.example.com,https://app.example.com/chat'],
  ['WSS_ORIGINS', '*'],
  ['PROXY_PROTOCOL_FROM', '10.0.0.0/33'],
  ['PROXY_PROTOCOL_FROM', '::1/129'],
  ['PROXY_PROTOCOL_FROM', '10.0.0.1,balancer.example'],
  ['HANDLER_WINDOW', '0'],
  ['MAX_PACKET_BYTES', '1023'],
  ['QUEUE_TTL', '2147483648'],
  ['MAX_QUEUED', 'plenty'],
  ['WEB', 'false'],
  ['VAPID_PRIVATE_KEY', 'c2hvcnQ'],
  ['VAPID_SUBJECT', 'ops@example.com'],
  ['TURN_URIS', 'turn:turn.example.org,https://turn.example.org'],
  ['TURN_URIS', 'stun:stun.example.org?transport=udp'],
  ['TURN_SECRET', 'too-short'],
  ['TURN_TTL', '59'],
  ['TURN_TTL', '86401'],
  ['TURN_REALM', 'two words'],
  ['TURN_SECRET_STORE', 'redis://coturn'],
  ['TURN_CREDENTIALS_PER_USER', '0'],
])('refuses %s=%s, naming the setting and showing no value', (name, value) => {
  const refusal = refusalOf({ [name]: value })
  expect(refusal).toMatch(new RegExp(`^${name}: .`))
  expect(refusal).not.toContain(value)
})

test('refuses nonsense in every setting that is not free text', () => {
  const nonsense = 'hunter2'
  const refusals = SETTINGS.map((name) => [name, refusalOf({ [name]: nonsense })] as const)
  for (const [name, refusal] of refusals.filter(([, text]) => text !== '')) {
    expect(refusal).toContain(name)
    expect(refusal).not.toContain(nonsense)
  }
  const taken = refusals.filter(([, refusal]) => refusal === '').map(([name]) => name)
  expect(taken).toEqual([
    'DATA_DIR',
    'HOST',
    'ADMIN_HOST',
    'ADMIN_HOSTS',
    'HANDLER_EVENTS',
    'BROKER_CA',
    'TURN_SECRET_STORE',
    'TURN_REALM',
  ])
})

test('reports every mistake at once', () => {
  expect(refusalOf({ WSS_PORT: '70000', SECRET: 'short' }).split('\n')).toEqual([
    expect.stringMatching(/^WSS_PORT: /),
    expect.stringMatching(/^SECRET: /),
  ])
})

test('accepts the bounds themselves, and lists with spaces', () => {
  expect(readConfig({ MQTTS_PORT: '0', WSS_PORT: '65535', SECRET: 'x'.repeat(16) })).toMatchObject({
    MQTTS_PORT: 0,
    WSS_PORT: 65_535,
    SECRET: ['x'.repeat(16)],
  })
  const { HANDLER_KEY, HANDLER_KEYS } = readConfig({
    HANDLER_KEY: ` ${LONG}-1 , ${LONG}-2 `,
    HANDLER_KEYS: `a=${LONG}=1, b=${LONG}, a=${LONG}-2`,
  })
  expect(HANDLER_KEY).toEqual([`${LONG}-1`, `${LONG}-2`])
  expect([...HANDLER_KEYS]).toEqual([
    ['a', [`${LONG}=1`, `${LONG}-2`]],
    ['b', [LONG]],
  ])
})

test('a removed setting is an error that names its successor', () => {
  expect(refusalOf({ INBOX_BYTES: '1000' })).toMatch(/^INBOX_BYTES: .* use KEPT_BYTES_PER_USER, /)
  expect(refusalOf({ INBOX_BYTES: '' })).toBe('')
})

test('requires certificate and key together', () => {
  expect(refusalOf({ TLS_CERT: 'c.pem' })).toBe('TLS_CERT and TLS_KEY: set both or neither')
  expect(refusalOf({ TLS_KEY: 'k.pem' })).toBe('TLS_CERT and TLS_KEY: set both or neither')
})

test('says that Redis is not part of this version', () => {
  expect(NOT_YET).toEqual(['REDIS_URL'])
  expect(refusalOf({ REDIS_URL: 'redis://:hunter2@db' })).toBe(
    'REDIS_URL: Redis is not part of this version; leave it unset',
  )
})

test("allows one source of coturn's secrets", () => {
  expect(refusalOf({ TURN_SECRET: LONG, TURN_SECRET_STORE: '/var/lib/turn/turndb' })).toBe(
    'TURN_SECRET and TURN_SECRET_STORE: set one of them',
  )
  for (const place of ['/var/lib/turn/turndb', 'mongodb://coturn:hunter2@db/coturn']) {
    expect(readConfig({ TURN_SECRET_STORE: place }).TURN_SECRET_STORE).toBe(place)
  }
  expect(readConfig({ TURN_URIS: 'STUN:stun.example.org, turn:turn.example.org?transport=UDP' }).TURN_URIS).toEqual([
    'stun:stun.example.org',
    'turn:turn.example.org?transport=udp',
  ])
})

test('treats an empty value as unset', () => {
  expect(readConfig(Object.fromEntries(SETTINGS.map((name) => [name, ''])))).toEqual(readConfig({}))
})

// Production

test('listens on loopback alone, except in production', () => {
  expect(readConfig({}).HOST).toBe('127.0.0.1')
  expect(readConfig(PRODUCTION)).toMatchObject({ HOST: '0.0.0.0', ADMIN_HOST: '127.0.0.1', production: true })
  expect(readConfig({ ...PRODUCTION, HOST: '10.0.0.1' }).HOST).toBe('10.0.0.1')
})

test('generates nothing in production, and names what is missing', () =>
  inFreshFolder(async (dir) => {
    const bare = readConfig({ NODE_ENV: 'production', DATA_DIR: dir })
    expect(() => tokenSecrets(bare)).toThrow(/^SECRET: must be set/)
    expect(() => sharedHandlerKeys(bare)).toThrow(/^HANDLER_KEY: must be set/)
    await expect(tlsFiles(bare)).rejects.toThrow(/^TLS_CERT: must be set.*\nTLS_KEY: must be set/)
    expect(readdirSync(dir)).toEqual([])
  }))

test("needs no shared key in production when the groups' own are set", () => {
  const { HANDLER_KEY: _, ...rest } = PRODUCTION
  expect(sharedHandlerKeys(readConfig({ ...rest, HANDLER_KEYS: `contacts=${LONG}` }))).toEqual([])
})

test('the development certificate is valid for HOST, and changing HOST leaves it as it is', () =>
  inFreshFolder(async (dir) => {
    const made = async (HOST: string): Promise<X509Certificate> =>
      new X509Certificate((await tlsFiles(readConfig({ DATA_DIR: dir, HOST }))).cert)
    const first = await made('127.0.0.1')
    for (const host of ['10.1.2.3', '2001:db8::7']) expect((await made(host)).checkIP(host)).toBe(host)
    expect((await made('chat.example.org')).checkHost('chat.example.org')).toBe('chat.example.org')
    for (const loopback of ['127.0.0.1', '0.0.0.0', '::', '::1', '[::1]', 'localhost']) {
      expect((await made(loopback)).raw).toEqual(first.raw)
    }
    expect(['127.0.0.1', '::1'].map((ip) => first.checkIP(ip))).toEqual(['127.0.0.1', '::1'])
  }))

// Files that a setting names, and what is wrong with them

test('names a missing certificate', async () => {
  await expect(tlsFiles(readConfig(PRODUCTION))).rejects.toThrow(
    'TLS_CERT: cannot read c.pem: it does not exist (ENOENT). Create it, or set TLS_CERT to another path',
  )
})

test('names the setting, the path, the reason and the remedy for every fault of a certificate or key', () =>
  inFreshFolder(async (dir) => {
    const [one, other] = [join(dir, 'one'), join(dir, 'other')]
    const [mine, foreign] = [
      await tlsFiles(readConfig({ DATA_DIR: one })),
      await tlsFiles(readConfig({ DATA_DIR: other })),
    ]
    const file = (name: string, content: string): string => {
      writeFileSync(join(dir, name), content)
      return join(dir, name)
    }
    const [cert, key, wrongKey] = [file('c', mine.cert), file('k', mine.key), file('f', foreign.key)]
    const nothing = file('n', 'hunter2')
    const told = (TLS_CERT: string, TLS_KEY: string): Promise<unknown> => tlsFiles(readConfig({ TLS_CERT, TLS_KEY }))
    expect(await told(cert, key)).toEqual(mine)
    await expect(told(dir, key)).rejects.toThrow(`TLS_CERT: cannot read ${dir}: it is a folder (EISDIR)`)
    await expect(told(`${cert}/x`, key)).rejects.toThrow(/^TLS_CERT: cannot read .*\(ENOTDIR\)/)
    await expect(told(nothing, key)).rejects.toThrow(`TLS_CERT: ${nothing} does not hold a certificate in PEM`)
    await expect(told(cert, nothing)).rejects.toThrow(`TLS_KEY: ${nothing} does not hold a private key`)
    await expect(told(cert, wrongKey)).rejects.toThrow(`the key in ${wrongKey} does not belong to the certificate`)
    expect(() => readPem('BROKER_CA', join(dir, 'ca'))).toThrow(/^BROKER_CA: cannot read .*\(ENOENT\)/)
    expect(() => readPem('BROKER_CA', nothing)).toThrow(`BROKER_CA: ${nothing} does not hold a certificate`)
  }))

test('says that a DATA_DIR is a file, or below one', () =>
  inFreshFolder((dir) => {
    const file = join(dir, 'file')
    writeFileSync(file, '')
    expect(() => tokenSecrets(readConfig({ DATA_DIR: file }))).toThrow(/^DATA_DIR: cannot use .*is a file.*folder$/)
    expect(() => tokenSecrets(readConfig({ DATA_DIR: join(file, 'x') }))).toThrow(/^DATA_DIR: cannot use .*is a file/)
  }))

test('says that a DATA_DIR that cannot be created does not exist: below /proc, and behind a dangling link', () =>
  inFreshFolder(async (dir) => {
    const link = join(dir, 'link')
    symlinkSync(join(dir, 'nothing'), link)
    for (const DATA_DIR of [link, join(link, 'x')]) {
      expect(() => tokenSecrets(readConfig({ DATA_DIR }))).toThrow(/^DATA_DIR: cannot use .*does not exist \(ENOENT\)/)
    }
    for (const program of ['token.ts alice', 'data.ts export dump']) {
      const through = ['timeout', '-s', 'KILL', '60'] // in case it looks for a parent folder for ever
      const run = new Run(`scripts/${program}`.split(' '), { env: { DATA_DIR: '/proc/x' }, through })
      expect(await run.ended).toBe(1)
      expect(run.stderr).toMatch(/^DATA_DIR: cannot \w+ \/proc\/x.*it does not exist \(ENOENT\)/)
    }
  }))

const NEEDS = { SECRET: LONG, HANDLER_KEY: LONG, MQTTS_PORT: '0', WSS_PORT: '0', ADMIN_PORT: '0' }

const STRANGER = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups']

test.each([
  {
    what: 'belongs to another user',
    setUp: 'chown 0:0 "$1" && chmod 755 "$1"',
    as: STRANGER,
    programs: [['broker/main.ts'], ['handlers/run.ts', 'contacts']],
    why: /permission denied; \S+ belongs to uid 0 with mode 755, and this process runs as uid 1000 \(EACCES\)\. Give it/,
  },
  {
    what: 'is read-only',
    setUp: 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"',
    as: [],
    programs: [['scripts/token.ts', 'alice']],
    why: /the file system is read-only \(EROFS\)\. Mount a writable volume/,
  },
  {
    what: 'is on a full disk',
    setUp: 'mount -t tmpfs -o size=64k tmpfs "$1" && head -c 999999 /dev/zero > "$1/ballast"',
    as: [],
    programs: [['scripts/token.ts', 'alice']],
    why: /the disk is full \(ENOSPC\)\. Free some space/,
  },
])('a DATA_DIR that $what is an error that names the setting and the path', ({ setUp, as, programs, why }) =>
  inFreshFolder(async (dir) => {
    const data = join(dir, 'data')
    mkdirSync(data)
    chmodSync(dir, 0o755)
    const isRoot = process.getuid?.() === 0
    const script = `${setUp} 2>/dev/null; shift; exec "$@"`
    const through = ['unshare', isRoot ? '-m' : '-Urm', 'sh', '-c', script, 'sh', data, ...as]
    for (const program of programs) {
      const run = new Run(program, { env: { ...(program.length === 1 && NEEDS), DATA_DIR: data }, through })
      expect(await run.ended).toBe(1)
      expect(run.stderr).toMatch(why)
      expect(run.stderr).toMatch(new RegExp(`^DATA_DIR: cannot \\w+ ${data}.*\n$`)) // and no stack
    }
  }),
)

test('names the setting when an address or port cannot be listened on', () =>
  inFreshFolder(async (dir) => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const port = String((taken.address() as AddressInfo).port)
    const start = (settings: Record<string, string>): Promise<unknown> =>
      startBroker(readConfig({ ...NEEDS, DATA_DIR: dir, ...settings }), {}, openLog('silent', 'test'))
    for (const name of ['MQTTS_PORT', 'WSS_PORT', 'ADMIN_PORT']) {
      await expect(start({ [name]: port })).rejects.toThrow(`${name}: another process listens on port ${port}`)
    }
    for (const name of ['HOST', 'ADMIN_HOST']) {
      await expect(start({ [name]: '192.0.2.254' })).rejects.toThrow(`${name}: 192.0.2.254 is not an address of this`)
      await expect(start({ [name]: 'no.such.host.invalid' })).rejects.toThrow(`${name}: no.such.host.invalid is not`)
    }
    taken.close()
  }))

test.each([
  { script: 'broker/main.ts', args: [], missing: ['SECRET'] },
  { script: 'handlers/run.ts', args: ['contacts'], missing: ['HANDLER_KEY'] },
])('$script does not start in production without what it needs', ({ script, args, missing }) =>
  inFreshFolder((dir) => {
    const { status, stderr } = run([path('scripts/run.mjs'), path(script), ...args], dir, { NODE_ENV: 'production' })
    expect(stderr.trim().split('\n')).toEqual(missing.map((name) => `${name}: must be set when NODE_ENV=production`))
    expect(status).toBe(1)
  }),
)

test('names an unknown group, and the existing ones', () =>
  inFreshFolder((dir) => {
    const { status, stderr } = run([path('scripts/run.mjs'), path('handlers/run.ts'), 'contacts', 'nosuch'], dir, {})
    expect(stderr).toMatch(/^unknown group nosuch\nusage: npm run handlers -- <group> .*\ngroups: contacts, .*\n$/)
    expect(status).toBe(1)
  }))

// .env.example

const shown = [...example.matchAll(/^#([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => ({ name: name!, value: value! }))

test('.env.example lists every setting once, and nothing else', () => {
  expect(SETTINGS).toEqual(expect.arrayContaining(['NODE_ENV', 'IDEMPOTENCY_WINDOW']))
  expect(SETTINGS).toEqual(
    expect.arrayContaining(Object.keys(readConfig({})).filter((name) => !['production', 'secretFiles'].includes(name))),
  )
  expect(shown.map(({ name }) => name).toSorted()).toEqual(SETTINGS.toSorted())
})

test('.env.example lists the defaults', () => {
  const standard = readConfig({}) as unknown as Record<string, unknown>
  const text = (value: unknown): string => (typeof value === 'number' ? String(value) : ((value as string) ?? ''))
  const none = [[], new Map(), {}, standard['HOST']] // of a list or of pairs; production has another HOST
  for (const { name, value } of shown) {
    if (value === '' && standard[name] !== undefined) expect(none).toContainEqual(standard[name])
    else expect(`${name}=${value}`).toBe(`${name}=${text(standard[name])}`)
  }
})

test('.env.example and the page of settings match what npm run docs generates, and every setting is explained', async () => {
  const { example: expected, page } = await renderSettings()
  expect(example).toBe(expected)
  expect(read('docs/operate/settings.md')).toBe(page)
  for (const [name, schema] of Object.entries(settings.shape)) {
    expect(`${name}: ${schema.description}`).toMatch(/: [^ ].{5,}\.$/)
    expect(`${name}: ${schema.description?.includes('not in this version')}`).toBe(`${name}: ${NOT_YET.includes(name)}`)
  }
})

test('.env.example, copied as .env, changes nothing', () =>
  inFreshFolder((dir) => {
    const before = process.cwd()
    try {
      process.chdir(dir)
      const without = readConfig()
      copyFileSync(path('.env.example'), '.env')
      expect(readConfig()).toEqual(without)
    } finally {
      process.chdir(before)
    }
  }))

test('.env is read, and the environment takes precedence', () =>
  inFreshFolder((dir) => {
    const print = `import { readConfig } from ${JSON.stringify(pathToFileURL(path('dist/shared/config.js')).href)}
      const { LOG_LEVEL, HANDLER_WINDOW } = readConfig()
      process.stdout.write(LOG_LEVEL + ' ' + HANDLER_WINDOW)`
    const uncommented = example
      .replace('#LOG_LEVEL=info', 'LOG_LEVEL=warn')
      .replace('#HANDLER_WINDOW=64', 'HANDLER_WINDOW=7')
    writeFileSync(join(dir, '.env'), uncommented)
    const { stdout } = run(['--input-type=module', '--eval', print], dir, { HANDLER_WINDOW: '8' })
    expect(stdout).toBe('warn 8')
  }))

test('.env.example holds nothing secret', () => {
  for (const { name, value } of shown) if (SECRET_ONES.includes(name)) expect(`${name}=${value}`).toBe(`${name}=`)
  expect(example).not.toMatch(/BEGIN|eyJ|:\/\/[^\s/]*@|[A-Za-z0-9+/_-]{32,}/)
})

// docker-compose.yml, its anchors resolved

const groups = await groupsIn(HANDLERS)
const environment = (name: string): Map<string, string | null> =>
  new Map(Object.entries(services.get(name)!.environment))

const NODE = ['node', '--enable-source-maps', '--import', './dist/shared/stop-early.mjs']

test('docker-compose.yml has a service for the broker and each group, and each runs what its name says', () => {
  expect(groups).toContain('contacts')
  expect(services.get('broker')!.command).toEqual([...NODE, 'dist/broker/main.js'])
  const missing = groups.filter((group) => !services.has(group))
  if (missing.length > 0)
    throw new Error(`docker-compose.yml has no service ${missing.join(', ')}: npm run docs adds it`)
  for (const group of groups) {
    const service = services.get(group)!
    expect(service.command).toEqual([...NODE, 'dist/handlers/run.js', group])
    expect(service).toMatchObject({ ports: [], restart: 'unless-stopped', read_only: true })
    expect(service).not.toHaveProperty('container_name') // or it could not be scaled
    expect(service.healthcheck.test).toEqual(['CMD', 'sh', 'deploy/health.sh', 'connected', '8883'])
  }
  const others = [...services.keys()].filter((name) => name !== 'broker' && !groups.includes(name))
  for (const other of others) expect([other, services.get(other)!.profiles]).toEqual([other, [other]])
})

test('docker-compose.yml sets only existing settings, and passes each one to the broker or the groups', () => {
  const ours = ['broker', ...groups].flatMap((service) => [...environment(service).keys()])
  const fixed = ['HOST', 'MQTTS_PORT', 'WSS_PORT', 'ADMIN_PORT'] // inside a container; `ports` maps them outside
  expect(new Set([...ours, ...fixed, ...NOT_YET])).toEqual(new Set(SETTINGS))
})

test('docker-compose.yml explains every variable that is not a setting', () => {
  const head = composeText.slice(0, composeText.indexOf('\nname:'))
  const read = [...composeText.matchAll(/(?<!\$)\$\{([A-Z_]+)/g)].map(([, name]) => name!)
  const passed = [...services.keys()].flatMap((service) => [...environment(service)])
  const asked = new Set([...read, ...passed.filter(([, value]) => value === null).map(([name]) => name)])
  for (const name of asked) if (!SETTINGS.includes(name)) expect(head).toMatch(new RegExp(`^# .*\\b${name}\\b`, 'm'))
})

test('docker-compose.yml runs as in production, refuses to start without its secrets, and holds none', () => {
  for (const service of ['broker', ...groups]) expect(environment(service).get('NODE_ENV')).toBe('production')
  for (const name of ['SECRET', 'TLS_CERT', 'TLS_KEY'])
    expect(composeText).toContain(`\${${name}:?set ${name} in .env}`)
  expect(composeText).toContain('${HANDLER_KEY:-${HANDLER_KEYS:?set HANDLER_KEY or HANDLER_KEYS in .env}}')
  const values = [...services.keys()].flatMap((service) => [...environment(service)])
  for (const [name, value] of values.filter(([name]) => /SECRET|KEY|PASSWORD/.test(name))) {
    expect(`${name}: ${value ?? ''}`).toMatch(/: (\$\{.*\}|\/run\/secrets\/\w+)?$/)
  }
})

test('docker-compose.yml gives a handler neither the secret of tokens nor the private key', () => {
  for (const group of groups) {
    expect(environment(group).has('SECRET')).toBe(false)
    expect(services.get(group)!.secrets).toEqual(['tls_cert'])
    expect(JSON.stringify(services.get(group))).not.toContain('tls_key')
  }
})

test('docker-compose.yml publishes only MQTT, WebSocket and, on request, TURN to the network', () => {
  const published = [...services.values()].flatMap(({ ports }) => ports)
  expect(published.map((port) => port.replace(/:[\d-]+(?:\/\w+)?$/, '')).toSorted()).toEqual(
    [
      '${MQTTS_PORT:-8883}',
      '${WSS_PORT:-8443}',
      '127.0.0.1:${ADMIN_PORT:-9090}',
      '${TURN_ADDRESS:-127.0.0.1}:3478',
      '${TURN_ADDRESS:-127.0.0.1}:3478',
      '${TURN_ADDRESS:-127.0.0.1}:5349',
      '${TURN_ADDRESS:-127.0.0.1}:49160-49259',
      '127.0.0.1:27017',
      '127.0.0.1:8080',
    ].toSorted(),
  )
})

test('docker-compose.yml and the Dockerfile pin every image', () => {
  const bases = [...read('deploy/Dockerfile').matchAll(/^FROM (\S+)/gm)].map(([, name]) => name!)
  const images = new Set([...[...services.values()].map(({ image }) => image), ...bases])
  expect(images.size).toBe(5)
  for (const image of images) expect(image).toMatch(/:\d+\.\d+\.\d+/)
})
