import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readConfig } from '../../shared/config.ts'
import { devCertFile, sharedHandlerKeys, signingSecret, tlsFiles } from '../../shared/dev-secrets.ts'
import { signToken } from '../sign-token.ts'
import type { IClientOptions } from 'mqtt'
import type { Target } from './drive.ts'
import { freePort } from '../../test/free-port.ts'

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** A broker that is loaded, with what stands behind it. */
export interface Served {
  name: string
  url: string
  /** How this user's device logs in. */
  login(user: string): IClientOptions
  /** The broker's process: whose CPU and memory count. */
  pid: number
  close(): Promise<void>
}

/** A handler process: its script, its arguments. */
type Back = (broker: { url: string; ca: string; key: string; dir: string }) => string[]

/** Switchboard as it is run: the broker's process and those of its handlers. */
export async function startSwitchboard(backs: Back[], settings: Record<string, string> = {}): Promise<Served> {
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-load-'))
  const env = {
    HANDLER_EVENTS: 'echoed', // no file of handlers/ declares it
    HOST: '127.0.0.1',
    DATA_DIR: dir,
    MQTTS_PORT: '0',
    WSS_PORT: '0',
    ADMIN_PORT: '0',
    LOG_LEVEL: 'warn',
    ...settings,
  }
  const config = readConfig(env)
  await tlsFiles(config)
  const broker = await run([file('../../broker/main.ts')], { ...env, HANDLER_WINDOW: '256' })
  const { ready } = broker.message as { ready: { mqtts: number } }
  const url = `mqtts://127.0.0.1:${ready.mqtts}`
  const ca = devCertFile(config)
  const at = { url, ca, key: sharedHandlerKeys(config)[0]!, dir }
  const handlers = await Promise.all(backs.map((back) => run(back(at), { ...env, BROKER_URL: url })))
  const [secret, cert] = [signingSecret(config), readFileSync(ca)]
  return {
    name: 'switchboard',
    url,
    login: (user) => ({
      protocolVersion: 5,
      ca: cert,
      username: 'JWT',
      password: signToken(user, '1h', secret),
    }),
    pid: broker.child.pid!,
    async close() {
      for (const { child } of [...handlers, broker]) await stop(child)
      rmSync(dir, { recursive: true })
    },
  }
}

/** A handler group as it is run. */
function groupOf(name: string): Back {
  return () => [file('../../handlers/run.ts'), name]
}

/** Mosquitto over TLS with plain back-end processes behind it; nothing authorised or stamped. Undefined where it is not installed. */
export async function startMosquitto(backs: Back[]): Promise<Served | undefined> {
  if (spawnSync('mosquitto', ['-h']).error) return undefined
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-load-'))
  const { cert, key } = await tlsFiles(readConfig({ DATA_DIR: dir }))
  const [ca, keyFile, configFile] = [join(dir, 'cert'), join(dir, 'key'), join(dir, 'conf')]
  writeFileSync(ca, cert)
  writeFileSync(keyFile, key)
  const port = await freePort()
  const lines = [`listener ${port} 127.0.0.1`, `certfile ${ca}`, `keyfile ${keyFile}`, 'allow_anonymous true']
  writeFileSync(configFile, [...lines, 'set_tcp_nodelay true', 'max_queued_messages 0', 'user root', ''].join('\n'))
  const broker = spawn('mosquitto', ['-c', configFile], { stdio: 'ignore' })
  await accepting(port)
  const url = `mqtts://127.0.0.1:${port}`
  const handlers = await Promise.all(backs.map((back) => run(back({ url, ca, key: '', dir }), {})))
  return {
    name: 'mosquitto',
    url,
    login: () => ({ protocolVersion: 5, ca: cert }),
    pid: broker.pid!,
    async close() {
      for (const child of [...handlers.map((one) => one.child), broker]) await stop(child)
      rmSync(dir, { recursive: true })
    },
  }
}

/** Echo commands at Switchboard, and beside it at Mosquitto. */
export function echoTargets(handlers: number, only?: string): (() => Promise<Target | undefined>)[] {
  const times = (back: Back): Back[] => Array.from({ length: handlers }, () => back)
  const ours = async (): Promise<Target> => ({
    ...(await startSwitchboard(times(({ url, ca, key, dir }) => [file('./echo.ts'), url, ca, key, '256', dir]))),
    commandTopic: () => 'echo',
    answerTopic: (user) => `${user}_echoed`,
  })
  const theirs = async (): Promise<Target | undefined> => {
    const served = await startMosquitto(times(({ url, ca }) => [file('./plain-echo.ts'), url, ca]))
    return served && { ...served, commandTopic: (user) => `command/${user}`, answerTopic: (user) => `event/${user}` }
  }
  return [...(only === 'mosquitto' ? [] : [ours]), ...(only === 'switchboard' ? [] : [theirs])]
}

/** A broker at which users send commands to each other. */
export interface UserTarget extends Served {
  topicOf(user: string, command: string): string
  hears(user: string, event: string): string
}

/**
 * What users do at Switchboard, whoever they are to each other, and beside it at Mosquitto.
 * @param groups of handlers, a process each
 * @param plain the back-end beside Mosquitto: a script of this folder
 */
export function userTargets(groups: string[], plain: string, only?: string): (() => Promise<UserTarget | undefined>)[] {
  const ours = async (): Promise<UserTarget> => ({
    ...(await startSwitchboard(groups.map(groupOf), { ACCESS: 'everyone' })),
    topicOf: (_, command) => command,
    hears: (user, event) => `${user}_${event}`,
  })
  const theirs = async (): Promise<UserTarget | undefined> => {
    const served = await startMosquitto([({ url, ca, dir }) => [file(plain), url, ca, dir]])
    const topicOf = (user: string, command: string): string => `command/${user}/${command}`
    return served && { ...served, topicOf, hears: (user, event) => `event/${user}/${event}` }
  }
  return [...(only === 'mosquitto' ? [] : [ours]), ...(only === 'switchboard' ? [] : [theirs])]
}

async function run(script: string[], env: Record<string, string>): Promise<{ child: ChildProcess; message: unknown }> {
  const child = spawn(process.execPath, [...process.execArgv, ...script], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const message = await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', () => reject(new Error(`${script[0]} ended early`)))
  })
  return { child, message }
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    if (!child.kill('SIGTERM')) resolve()
  })
}

async function accepting(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const ok = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (ok) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('mosquitto does not listen')
}
