import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import type { Closable } from '../shared/shutdown.ts'
import { MONGO_JAVA_SERVER, mongoJavaServer } from './mongo-java-server.ts'
import { freePort } from './free-port.ts'
import { threadStatesOf } from './process.ts'

/** A test's own MongoDB, on loopback. */
export interface MongoServer extends Closable {
  readonly url: string
  /** Name and version. */
  readonly what: string
  readonly pid: number
  /** Resolves when SIGKILL has ended it, or SIGSTOP has frozen it. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Restarts it after SIGKILL on the same port, with the same data if they are durable. */
  restart(): Promise<void>
}

/** A command that starts a server on a port, and its output once it is ready. */
interface Kind {
  readonly what: string
  readonly url: (port: number) => string
  readonly start: (port: number, dir: string) => Promise<ChildProcess>
}

/**
 * Starts the best server available: `mongod`, one that mongodb-memory-server has downloaded, or else mongo-java-server.
 * @param isLasting whether acknowledged writes survive SIGKILL
 */
export async function startMongoServer(isLasting = false): Promise<MongoServer> {
  const kind = mongod('mongod') ?? (await downloaded()) ?? javaServer(isLasting)
  const dir = mkdtempSync(join(tmpdir(), 'mongo-'))
  const port = await freePort()
  let child = await kind.start(port, dir)

  const ended = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  return {
    url: kind.url(port),
    what: kind.what,
    get pid() {
      return child.pid!
    },
    async kill(signal) {
      child.kill(signal)
      if (signal === 'SIGKILL') await ended()
      else if (signal === 'SIGSTOP') await frozen(child.pid!)
    },
    async restart() {
      child = await kind.start(port, dir)
    },
    async close() {
      child.kill('SIGKILL')
      await ended()
      rmSync(dir, { recursive: true })
    },
  }
}

/** Resolves when no thread of a process runs: a thread on another CPU may run for a moment after SIGSTOP. */
async function frozen(pid: number): Promise<void> {
  while (!threadStatesOf(pid).every((state) => state === 'T')) await pause(5)
}

/** The server at TEST_MONGODB_URL, which all tests of `npm run test:mongo` share, or else a new one for the caller. */
export async function sharedMongoServer(): Promise<Closable & Pick<MongoServer, 'url' | 'what'>> {
  const { TEST_MONGODB_URL: url, TEST_MONGODB_IS: what = 'the server of MONGODB_URL' } = process.env
  return url === undefined ? startMongoServer() : { url, what, close: async () => {} }
}

/** `mongod` as a replica set of one member: retried writes and write majorities need a set. */
function mongod(program: string): Kind | undefined {
  const version = /v(\d\S*)/.exec(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1]
  if (version === undefined) return undefined
  return {
    what: `mongod ${version}`,
    url: (port) => `mongodb://127.0.0.1:${port}/?replicaSet=tests`,
    async start(port, dir) {
      const where = ['--dbpath', dir, '--bind_ip', '127.0.0.1', '--port', String(port), '--replSet', 'tests']
      const args = [...where, '--setParameter', 'enableTestCommands=1']
      const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
      await initiate(port)
      return child
    },
  }
}

async function initiate(port: number): Promise<void> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}`, { directConnection: true })
  const members = [{ _id: 0, host: `127.0.0.1:${port}` }]
  try {
    const config = { _id: 'tests', members }
    await client.db('admin').command({ replSetInitiate: config }).catch(isInitiated)
  } finally {
    await client.close()
  }
}

function isInitiated(error: unknown): void {
  if (!(error instanceof Error && 'codeName' in error && error.codeName === 'AlreadyInitialized')) throw error
}

/** mongod by mongodb-memory-server, if installed (`npm i --no-save mongodb-memory-server-core`). */
async function downloaded(): Promise<Kind | undefined> {
  try {
    const name = 'mongodb-memory-server-core'
    const { MongoBinary } = (await import(name)) as { MongoBinary: { getPath(): Promise<string> } }
    return mongod(await MongoBinary.getPath())
  } catch {
    return undefined // not installed, or the download failed
  }
}

function javaServer(isLasting: boolean): Kind {
  return {
    what: MONGO_JAVA_SERVER,
    url: (port) => `mongodb://127.0.0.1:${port}`,
    async start(port, dir) {
      const args = [
        '-Xmx512m',
        '-cp',
        (await mongoJavaServer()).join(':'),
        'Launcher',
        String(port),
        ...(isLasting ? [join(dir, 'data')] : []),
      ]
      const child = spawn('java', args, { stdio: ['pipe', 'pipe', 'inherit'] })
      await once(createInterface(child.stdout), 'line')
      return child
    },
  }
}
