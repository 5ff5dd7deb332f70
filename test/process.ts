import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The repository under test. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Its folders with sources and tests. */
export const SOURCE_FOLDERS = ['broker', 'client', 'handlers', 'scripts', 'shared', 'test', 'tools', 'web']
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

const DEADLINE = 120_000

export interface RunOptions {
  /** Settings. Of our own environment it inherits only what a shell needs. */
  env?: Record<string, string>
  /** Working directory; by default outside the repository, whose `.env` is the developer's. */
  cwd?: string
  /** The repository or copy that holds the script. */
  root?: string
  /** The Node binary; by default that of the tests. */
  node?: string
  /** A command that runs it, such as `unshare -m`. */
  through?: string[]
}

/** The scripts that production runs from dist/. */
const COMPILED = new Set([
  'broker/main.ts',
  'handlers/run.ts',
  ...['start', 'token', 'data', 'dead', 'backup', 'restore', 'doctor'].map((name) => `scripts/${name}.ts`),
])

/** Jest has compiled the sources before the tests; a run outside of it, such as one of tools/, has scripts/run.mjs do so. */
const IS_BUILT = process.env['DIST_IS_BUILT'] !== undefined

/** One of our scripts as a separate process: compiled if production runs it so, or tests only; else by tsx, as in copies of the repository. */
export class Run {
  readonly child: ChildProcess
  /** Its IPC message when ready; rejects with its output when it ends first. */
  readonly ready: Promise<unknown>
  /** Resolves with the exit code, or the signal that ended it, once its output is read too. */
  readonly ended: Promise<number | NodeJS.Signals>
  stdout = ''
  stderr = ''
  readonly #said = new EventTarget()
  #isOver = false

  /** @param script such as `handlers/run.ts`, and its arguments */
  constructor([script = '', ...args]: string[], options: RunOptions = {}) {
    const { env = {}, cwd = '/', root = ROOT, node = process.execPath, through = [] } = options
    const { PATH = '', HOME = '' } = process.env
    const isCompiled = root === ROOT && (COMPILED.has(script) || (IS_BUILT && script.startsWith('test/')))
    const compiled = IS_BUILT
      ? [`${ROOT}dist/${script.replace(/ts$/, 'js')}`]
      : [`${ROOT}scripts/run.mjs`, `${ROOT}${script}`]
    const source = ['--import', TSX, `${root}${script}`]
    const file = isCompiled ? ['--enable-source-maps', ...compiled] : source
    const [program, ...rest] = [...through, node, ...file, ...args]
    this.child = spawn(program!, rest, {
      cwd,
      env: { PATH, HOME, NODE_ENV: 'test', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      this.#hear()
    })
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.#hear()
    })
    this.child.once('close', () => {
      this.#isOver = true
      this.#hear()
    })
    this.ended = new Promise((resolve) => this.child.once('close', (code, signal) => resolve(code ?? signal!)))
    this.ready = new Promise((resolve, reject) => {
      this.child.once('message', resolve)
      void this.ended.then((how) => reject(new Error(`${script} ended (${how}): ${this.stderr}${this.stdout}`)))
    })
    this.ready.catch(() => {}) // a caller need not await it
  }

  get pid(): number {
    return this.child.pid!
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Resolves with the match once stdout or stderr holds it. */
  async says(what: RegExp): Promise<RegExpExecArray> {
    const timeout = AbortSignal.timeout(DEADLINE)
    for (;;) {
      const said = what.exec(this.stdout) ?? what.exec(this.stderr)
      if (said) return said
      if (this.#isOver || timeout.aborted) throw new Error(`it did not print ${what}: ${this.stderr}${this.stdout}`)
      await once(this.#said, 'text', { signal: timeout }).catch(() => {})
    }
  }

  /** Its running child processes: process id to command line. */
  children(): Map<number, string> {
    return childrenOf(this.pid)
  }

  /** Ends it if it still runs. */
  async close(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.kill('SIGKILL')
    await this.ended
  }

  #hear(): void {
    this.#said.dispatchEvent(new Event('text'))
  }
}

/** Is the process running? A zombie is not. */
export function isAlive(pid: number): boolean {
  const state = stateOf(`/proc/${pid}/stat`)
  return state !== undefined && state.letter !== 'Z'
}

/** The running child processes of a process: process id to command line. */
export function childrenOf(parent: number): Map<number, string> {
  const children = new Map<number, string>()
  for (const name of readdirSync('/proc')) {
    const state = /^\d+$/.test(name) ? stateOf(`/proc/${name}/stat`) : undefined
    if (state?.parent !== parent || state.letter === 'Z') continue
    const args = readIfThere(`/proc/${name}/cmdline`)
    if (args !== undefined) children.set(Number(name), args.split('\0').join(' ').trimEnd())
  }
  return children
}

/** The state letters of a process's threads: `T` is stopped, `Z` is a zombie. */
export function threadStatesOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => stateOf(`/proc/${pid}/task/${thread}/stat`)?.letter ?? [])
}

/** See proc(5); the command's name, in parentheses, may hold any characters. */
function stateOf(file: string): { letter: string; parent: number } | undefined {
  const fields = readIfThere(file)
    ?.replace(/^.*\) /s, '')
    .split(' ')
  return fields && { letter: fields[0]!, parent: Number(fields[1]) }
}

/** Undefined once the process has ended. */
function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
