import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sayOf, type Finding } from './finding.ts'
import { nodeAdvice } from '../recommended-node.ts'

const { ok, warning, wrong } = sayOf('engines')
const OLDEST: readonly [number, number] = [20, 19]

/** Is Node new enough, and do the database engines load and store something? */
export async function checkEngines(running = process.versions.node, from = (name: string) => name): Promise<Finding[]> {
  return [node(running), await engine('libsql', from, useSqlite), await engine('lmdb', from, useLmdb)]
}

function node(running: string): Finding {
  const [major = 0, minor = 0] = running.split('.').map(Number)
  const [least, leastMinor] = OLDEST
  if (major < least || (major === least && minor < leastMinor))
    return wrong(`Node ${running} is too old`, `Install Node ${OLDEST.join('.')} or later`)
  const advice = nodeAdvice(running)
  return advice === undefined ? ok(`Node ${running}`) : warning(`Node ${advice}`, 'Install it when you can')
}

/** @param from which package to load for an engine */
async function engine(
  name: string,
  from: (name: string) => string,
  use: (loaded: never) => void | Promise<void>,
): Promise<Finding> {
  try {
    await use((await import(from(name))) as never)
    return ok(`${name} works`)
  } catch (err) {
    const [first] = (err as Error).message.split('\n')
    return wrong(
      `${name} does not work: ${first}`,
      'Run npm install on this machine: its binary is for another platform or is missing',
    )
  }
}

function useSqlite({ default: Database }: { default: typeof import('libsql') }): void {
  const db = new Database(':memory:')
  db.exec("CREATE VIRTUAL TABLE t USING fts5(x); INSERT INTO t VALUES ('a')")
  db.close()
}

async function useLmdb({ open }: typeof import('lmdb')): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-doctor-'))
  const env = open({ path: join(dir, 'one.lmdb') })
  try {
    await env.put('a', 1)
  } finally {
    await env.close()
    rmSync(dir, { recursive: true })
  }
}
