import { execFile, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Closable } from '../shared/shutdown.ts'
import { ROOT } from './process.ts'
import { freePort } from './free-port.ts'

// A real coturn, with the configuration that we ship, on loopback. Debian: apt-get install coturn

/** The rule that tests must turn off: here every peer is on loopback. */
export const LOOPBACK_PEERS = ['--allow-loopback-peers', '--allowed-peer-ip=127.0.0.1']

const DEADLINE = 15_000

export interface Coturn extends Closable {
  readonly port: number
  /** The TLS port, if a certificate is given. */
  readonly tlsPort: number
  /** Everything it has printed on stdout. */
  said(): string
}

/** Can this coturn read its secrets from MongoDB? Debian's cannot. */
export async function readsMongo(): Promise<boolean> {
  return (await run('turnadmin', ['--help'])).said.includes('--mongo-userdb')
}

/**
 * Starts a coturn with `deploy/coturn.conf`, and resolves when it answers.
 * @param dir folder of its database, `turndb`
 * @param options override those of the file
 */
export async function openCoturn(dir: string, options: string[] = []): Promise<Coturn> {
  const [port, tlsPort, low] = [await freePort(), await freePort(), randomInt(200, 310) * 100]
  const args = ['-c', join(ROOT, 'deploy/coturn.conf'), '--listening-ip=127.0.0.1', `--listening-port=${port}`]
  args.push(`--tls-listening-port=${tlsPort}`, `--min-port=${low}`, `--max-port=${low + 99}`)
  args.push(...databaseOption(databaseIn(dir)), `--pidfile=${join(dir, 'turnserver.pid')}`, ...options)
  if (!options.some((one) => one.startsWith('--relay-ip='))) args.push('--relay-ip=127.0.0.1')
  const child = spawn('turnserver', args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<string>((resolve) => {
    child.once('error', (err: NodeJS.ErrnoException) =>
      resolve(err.code === 'ENOENT' ? missing('turnserver') : err.message),
    )
    child.once('close', (code, signal) => resolve(`turnserver ended (${code ?? signal}): ${said}`))
  })
  const close = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  const abort = new AbortController()
  try {
    await Promise.race([
      answers(port, abort.signal),
      ended.then((why) => {
        throw new Error(why)
      }),
    ])
  } catch (err) {
    await close()
    throw err
  } finally {
    abort.abort()
  }
  return { port, tlsPort, said: () => said, close }
}

/** The options that point coturn's programs to a database. */
export function databaseOption(database: string): string[] {
  return [database.startsWith('mongodb') ? `--mongo-userdb=${database}` : `--userdb=${database}`]
}

/** The path of coturn's own database in a folder. */
export const databaseIn = (dir: string): string => join(dir, 'turndb')

/**
 * Adds (`-s`) or deletes (`-X`) a secret of the realm in coturn's database, as an operator does.
 * @param database a file, or a MongoDB's URL
 */
export async function turnadmin(
  database: string,
  change: '-s' | '-X',
  secret: string,
  realm = 'switchboard',
): Promise<void> {
  const { code, said } = await run('turnadmin', [change, secret, '-r', realm, ...databaseOption(database)])
  const log = /log file opened: (\S+turn_\d+_[\d-]+\.log)/.exec(said)?.[1] // it always writes a log file
  if (log) rmSync(log, { force: true })
  if (code !== 0) throw new Error(`turnadmin ended (${code}): ${said}`)
}

export interface Login {
  readonly username: string
  readonly password: string
}

/**
 * Allocates two relays with these credentials, and sends from one to the other: `relayed` messages arrived. If the server
 * refuses, `refused` holds its answer.
 */
export async function relay(port: number, { username, password }: Login, options: string[] = []) {
  const between = ['-y', '-c', '-n', '2', '-z', '5', '-m', '1', '-l', '100']
  const args = [...between, ...options, '-p', String(port), '-u', username, '-w', password, '127.0.0.1']
  const { code, said } = await run('turnutils_uclient', args)
  const [, sent = 0, came = 0] = [
    ...(/tot_send_msgs=(\d+), tot_recv_msgs=(\d+)\s*$/m.exec(lastTotals(said)) ?? []),
  ].map(Number)
  return { relayed: code === 0 && sent > 0 ? came : 0, lost: sent - came, refused: refusalIn(said), said }
}

const lastTotals = (said: string): string => said.split('\n').findLast((line) => line.includes('tot_recv_msgs')) ?? ''

function refusalIn(said: string): string | undefined {
  return /error \d+ \([^)]*\)/.exec(said)?.[0] ?? /Cannot complete \w+/.exec(said)?.[0]
}

async function run(program: string, args: string[]): Promise<{ code: number; said: string }> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: 30_000 }, (err, stdout, stderr) => {
      if (err?.code === 'ENOENT') return reject(new Error(missing(program)))
      if (err?.killed) return reject(new Error(`${program} does not end: ${stdout}${stderr}`))
      resolve({ code: err ? Number(err.code) : 0, said: stdout + stderr })
    })
  })
}

const missing = (program: string): string =>
  `${program} is missing: the tests need coturn (Debian: apt-get install coturn)`

/** Sends STUN binding requests until one is answered; UDP may lose them [RFC 8489 6.2.1]. */
async function answers(port: number, signal: AbortSignal): Promise<void> {
  const socket = createSocket('udp4')
  const request = Buffer.concat([Buffer.from('000100002112a442', 'hex'), randomBytes(12)])
  const send = (): void => socket.send(request, port, '127.0.0.1', () => {}) // fails while nobody listens
  const again = setInterval(send, 100)
  try {
    await once(socket, 'message', { signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE)]) })
  } finally {
    clearInterval(again)
    socket.close()
  }
}
