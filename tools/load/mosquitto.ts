import { spawn, spawnSync } from 'node:child_process'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../test/free-port.ts'
import { readConfig } from '../../shared/config.ts'
import { tlsFiles } from '../../shared/dev-secrets.ts'
import { endWithThis, run, stop } from './processes.ts'
import { OPEN, userName, USERS, type Back, type Target, type TargetOptions } from './target.ts'

const BACK_END = 'back-end'
const PASSWORD = 'one-password-for-all'
/** What a user may do, by pattern; and the back-end, which may do everything. */
const ACL = `user ${BACK_END}
topic readwrite command/#
topic readwrite event/#

pattern write command/%u/+
pattern read event/%u/+
pattern readwrite ${OPEN}/#
`
const SETTINGS = { persistence: 'false', max_inflight_messages: '0', max_queued_messages: '0', set_tcp_nodelay: 'true' }
/** Mosquitto's own number of rounds. */
const ROUNDS = 101
const ATTEMPTS = 100

/** Mosquitto over TLS, with a password file and an access list, and plain mqtt.js back-ends. Undefined where it is not installed. */
export async function openMosquitto({ backs, handlers }: TargetOptions): Promise<Target | undefined> {
  const help = spawnSync('mosquitto', ['-h'], { encoding: 'utf8' })
  if (help.error) return undefined
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-load-'))
  const at = (file: string): string => join(dir, file)
  const { cert: ca, key } = await tlsFiles(readConfig({ DATA_DIR: dir }))
  const port = await freePort()
  const files = { cert: ca, key, acl: ACL, passwords: passwordFile() }
  for (const [name, text] of Object.entries(files)) writeFileSync(at(name), text, { mode: 0o600 })
  const lines = [
    `listener ${port} 127.0.0.1`,
    `certfile ${at('cert')}`,
    `keyfile ${at('key')}`,
    'allow_anonymous false',
    `password_file ${at('passwords')}`,
    `acl_file ${at('acl')}`,
    ...Object.entries(SETTINGS).map((setting) => setting.join(' ')),
    'user root',
  ]
  writeFileSync(at('conf'), `${lines.join('\n')}\n`)
  const broker = spawn('mosquitto', ['-c', at('conf')], { stdio: 'ignore' })
  endWithThis(broker)
  await accepting(port)
  const url = `mqtts://127.0.0.1:${port}`
  const args = [url, at('cert'), BACK_END, PASSWORD, dir]
  const each = (back: Back) => Array.from({ length: handlers }, () => run({ script: `./plain-${back}.ts`, args }))
  const running = await Promise.all(backs.flatMap(each))
  return {
    name: 'mosquitto',
    url,
    ca,
    broker: broker.pid!,
    handlers: running.map(({ child }) => child.pid!),
    version: `Mosquitto ${/version (\S+)/.exec(help.stdout)?.[1]}`,
    settings: { ...SETTINGS, password_file: `${USERS} users`, acl_file: 'patterns' },
    login: (user, device = 'device') => ({ clientId: `${user}-${device}`, username: user, password: PASSWORD }),
    commandTopic: (user, command) => `command/${user}/${command}`,
    eventTopic: (user, event) => `event/${user}/${event}`,
    async close() {
      for (const child of [...running.map((one) => one.child), broker]) await stop(child)
      rmSync(dir, { recursive: true })
    },
  }
}

/** All have one password, with one hash, which is looked up and checked for each all the same. */
function passwordFile(): string {
  const salt = randomBytes(12)
  const hash = pbkdf2Sync(PASSWORD, salt, ROUNDS, 64, 'sha512')
  const secret = `$7$${ROUNDS}$${salt.toString('base64')}$${hash.toString('base64')}`
  const users = [BACK_END, ...Array.from({ length: USERS }, (_, i) => userName(i))]
  return users.map((user) => `${user}:${secret}\n`).join('')
}

async function accepting(port: number): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) return
    await delay(50)
  }
  throw new Error('Mosquitto does not listen')
}
