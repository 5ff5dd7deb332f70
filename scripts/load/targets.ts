import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readConfig } from '../../shared/config.ts'
import { devCertFile, sharedHandlerKeys, signingSecret, tlsFiles } from '../../shared/dev-secrets.ts'
import { signToken } from '../sign-token.ts'
import type { Target } from './drive.ts'

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Switchboard as it is run: the broker's process and `handlers` processes of an echo group. */
export async function switchboard(handlers: number): Promise<Target> {
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-load-'))
  const env = { DATA_DIR: dir, MQTTS_PORT: '0', WSS_PORT: '0', ADMIN_PORT: '0', LOG_LEVEL: 'warn' }
  const config = readConfig(env)
  await tlsFiles(config)
  const broker = await run([file('../../broker/main.ts')], { ...env, HANDLER_WINDOW: '256' })
  const { ready } = broker.message as { ready: { mqtts: number } }
  const url = `mqtts://127.0.0.1:${ready.mqtts}`
  const ca = devCertFile(config)
  const key = sharedHandlerKeys(config)[0]!
  const echoes = await Promise.all(
    Array.from({ length: handlers }, () => run([file('./echo.ts'), url, ca, key, '256', dir], env)),
  )
  const secret = signingSecret(config)
  return {
    name: 'switchboard',
    url,
    login: (device) => ({
      protocolVersion: 5,
      ca: readFileSync(ca),
      username: 'JWT',
      password: signToken(`user${device}`, '1h', secret),
    }),
    commandTopic: () => 'echo',
    answerTopic: (device) => `user${device}_echoed`,
    pid: broker.child.pid!,
    async close() {
      for (const { child } of [...echoes, broker]) await stop(child)
      rmSync(dir, { recursive: true })
    },
  }
}

/** Mosquitto with plain back-end processes behind it, over TLS too; nothing authorised, stamped or stored. */
export async function mosquitto(handlers: number): Promise<Target | undefined> {
  if (spawnSync('mosquitto', ['-h']).error) return undefined
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-load-'))
  const { cert, key } = await tlsFiles(readConfig({ DATA_DIR: dir }))
  const [certFile, keyFile, configFile] = ['cert', 'key', 'conf'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key)
  const port = await freePort()
  const lines = [`listener ${port} 127.0.0.1`, `certfile ${certFile}`, `keyfile ${keyFile}`, 'allow_anonymous true']
  writeFileSync(configFile, [...lines, 'set_tcp_nodelay true', 'max_queued_messages 0', 'user root', ''].join('\n'))
  const broker = spawn('mosquitto', ['-c', configFile], { stdio: 'ignore' })
  await accepting(port)
  const url = `mqtts://127.0.0.1:${port}`
  const echoes = await Promise.all(
    Array.from({ length: handlers }, () => run([file('./plain-echo.ts'), url, certFile], {})),
  )
  return {
    name: 'mosquitto',
    url,
    login: () => ({ protocolVersion: 5, ca: cert }),
    commandTopic: (device) => `command/user${device}`,
    answerTopic: (device) => `event/user${device}`,
    pid: broker.pid!,
    async close() {
      for (const child of [...echoes.map((echo) => echo.child), broker]) await stop(child)
      rmSync(dir, { recursive: true })
    },
  }
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

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
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
