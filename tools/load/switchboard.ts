import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../shared/config.ts'
import { devCertFile, sharedHandlerKeys, signingSecret, tlsFiles } from '../../shared/dev-secrets.ts'
import { signToken } from '../../scripts/sign-token.ts'
import { fillQueue } from '../bench/kept/fill-queue.ts'
import { run, stop, type Script } from './processes.ts'
import { openProfiler } from './profile.ts'
import { OPEN, type Back, type Target, type TargetOptions } from './target.ts'

/** One address has all devices, and one device as many commands as the broker takes: limits are not what is measured. */
const SETTINGS = {
  ACCESS: 'everyone',
  HANDLER_EVENTS: 'echoed', // no file of handlers/ declares it
  HANDLER_WINDOW: '256',
  PUBLISHES_PER_USER: '10000000',
  PACKETS_PER_CONNECTION: '100000000',
  CONNECTS_PER_ADDRESS: '10000000',
  CONNECTIONS_PER_ADDRESS: '1000000',
  CONNECTS_PER_CLIENT: '1000000',
}
/** Commands that wait before the start: of users and of a group that have no part in the load. */
const WAITING = { users: 1_000, bytes: 64, name: 'request_contact', group: 'contacts' }

/** Switchboard as it is run: the broker's process and those of its handlers. */
export async function openSwitchboard(options: TargetOptions): Promise<Target> {
  const { backs, handlers, node = process.execPath, folder = tmpdir(), name = 'switchboard' } = options
  const dir = mkdtempSync(join(folder, 'switchboard-load-'))
  const ports = { MQTTS_PORT: '0', WSS_PORT: '0', ADMIN_PORT: '0' }
  const room = options.waiting === undefined ? {} : { MAX_QUEUED: '10000000' }
  const env = { ...SETTINGS, ...room, ...ports, HOST: '127.0.0.1', DATA_DIR: dir, LOG_LEVEL: 'warn' }
  const config = readConfig(env)
  const { cert: ca } = await tlsFiles(config)
  if (options.waiting !== undefined) await fillQueue(dir, { ...WAITING, commands: options.waiting })
  let inspector = ''
  const broker = await run(
    { part: 'broker' },
    {
      node,
      env,
      ...(options.profiled && {
        nodeArguments: ['--inspect=127.0.0.1:0'],
        says: (text: string) => (inspector ||= /ws:\/\/\S+/.exec(text)?.[0] ?? ''),
      }),
    },
  )
  const { ready } = broker.message as { ready: { mqtts: number } }
  const url = `mqtts://127.0.0.1:${ready.mqtts}`
  const echo = [url, devCertFile(config), sharedHandlerKeys(config)[0]!, env.HANDLER_WINDOW, dir]
  const scripts: Record<Back, Script[]> = {
    echo: [{ script: './echo.ts', args: echo }],
    chat: ['groups', 'messaging'].map((group) => ({ part: 'handlers', args: [group] })),
    signal: [{ part: 'handlers', args: ['signaling'] }],
  }
  const all = backs.flatMap((back) => Array.from({ length: handlers }, () => scripts[back])).flat()
  const start = (script: Script) => run(script, { node, env: { ...env, BROKER_URL: url } })
  const running = await Promise.all(all.map(start))
  const presence = await start({ part: 'handlers', args: ['presence'] }) // or each login leaves a command that waits for it
  const secret = signingSecret(config)
  const acl = { pub: [`${OPEN}/#`], sub: [`${OPEN}/#`] }
  return {
    name,
    url,
    ca,
    broker: broker.child.pid!,
    handlers: running.map(({ child }) => child.pid!),
    version: `Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`,
    settings: { ...SETTINGS, DATA_DIR: fileSystemOf(dir) },
    login: (user, device = 'device') => ({
      clientId: `${user}-${device}`,
      username: 'JWT',
      password: signToken(user, '2h', secret, { acl }),
    }),
    commandTopic: (_, command) => command,
    eventTopic: (user, event) => `${user}_${event}`,
    ...(options.profiled && { profiler: await openProfiler(inspector) }),
    async close() {
      for (const { child } of [presence, ...running, broker]) await stop(child)
      rmSync(dir, { recursive: true })
    },
  }
}

/** The kind of file system that a folder is on: what a write to disk costs depends on it. */
function fileSystemOf(dir: string): string {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, at]) => at === '/' || dir === at || dir.startsWith(`${at}/`))
  return mounts.toSorted((a, b) => a[1]!.length - b[1]!.length).at(-1)?.[2] ?? 'unknown'
}
