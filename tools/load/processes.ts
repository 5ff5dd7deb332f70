import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/**
 * How production starts a part: the arguments of Node in its npm script, `broker` or `handlers`. This is the one place that
 * knows it.
 */
function productionArguments(part: 'broker' | 'handlers'): string[] {
  const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { scripts: Record<string, string> }
  return scripts[part]!.split('exec node ').at(-1)!.split(' ')
}

/** What is started: a part of the platform; or one of this folder's scripts, in the way of the part. */
export type Script = { part: 'broker' | 'handlers'; args?: string[] } | { script: string; args?: string[] }

export interface RunOptions {
  /** The Node binary. */
  node?: string
  nodeArguments?: string[]
  env?: Record<string, string>
  /** Gets what it says on stderr, which is shown all the same. */
  says?: (text: string) => void
}

/** Starts a process and waits until it says over IPC that it serves. */
export async function run(what: Script, options: RunOptions = {}): Promise<{ child: ChildProcess; message: unknown }> {
  const { node = process.execPath, nodeArguments = [], env = {}, says } = options
  const args = 'part' in what ? productionArguments(what.part) : productionArguments('handlers').slice(0, -1)
  const script = 'script' in what ? [fileURLToPath(new URL(what.script, import.meta.url))] : []
  const child = spawn(node, [...nodeArguments, ...args, ...script, ...(what.args ?? [])], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', says ? 'pipe' : 'inherit', 'ipc'],
  })
  endWithThis(child)
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    says?.(text)
    process.stderr.write(text)
  })
  const message = await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`${JSON.stringify(what)} ended early (${signal ?? code})`)))
  })
  return { child, message }
}

/** However this process ends, the child does not outlive it. */
export function endWithThis(child: ChildProcess): void {
  const end = (): void => void child.kill()
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}
