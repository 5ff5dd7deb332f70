import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePorts } from './free-port.ts'
import { ROOT, SOURCE_FOLDERS } from './process.ts'

// Where the commands of the docs run: a copy of the repository with its own platform.

const FOLDERS = [...SOURCE_FOLDERS, 'deploy', 'dist', 'docs']
const FILES = [
  '.env.example',
  '.prettierrc.json',
  'docker-compose.yml',
  'jest.config.js',
  'package.json',
  'tsconfig.json',
]
const TREE = [...FOLDERS, ...FILES]
const DEADLINE = 120_000

/** The output of a command so far. */
export interface Output {
  text: string
  /** The exit code, once it has ended. */
  ended: number | undefined
}

export class DocsPlatform {
  readonly tree = `${mkdtempSync(join(tmpdir(), 'docs-'))}/`
  readonly #env: Record<string, string>
  readonly #ports: Record<string, string>
  readonly #running = new Map<string, ChildProcess>()
  readonly outputs = new Map<string, Output>()

  private constructor(ports: { MQTTS_PORT: string; WSS_PORT: string; ADMIN_PORT: string }) {
    const { PATH = '', HOME = '' } = process.env
    this.#ports = { 8883: ports.MQTTS_PORT, 8443: ports.WSS_PORT, 9090: ports.ADMIN_PORT }
    this.#env = { PATH: `/usr/bin:${dirname(process.execPath)}:${PATH}`, HOME, NO_UPDATE_NOTIFIER: '1', ...ports }
  }

  static async open(): Promise<DocsPlatform> {
    const platform = new DocsPlatform(await freePorts())
    for (const part of TREE) {
      if (existsSync(join(ROOT, part))) cpSync(join(ROOT, part), join(platform.tree, part), { recursive: true })
    }
    rmSync(join(platform.tree, 'handlers/notes'), { recursive: true, force: true }) // it exists where someone has followed the docs
    symlinkSync(join(ROOT, 'node_modules'), join(platform.tree, 'node_modules'))
    return platform
  }

  /**
   * Adapts a text of the docs to this platform: other ports, no `npm install`, and no `npm run dev`, whose
   * reloading slow/parallel/new-handler.test.ts tests.
   */
  here(text: string): string {
    const others: Record<string, string> = { ...this.#ports, 'npm install && ': '', 'npm run dev': 'npm start' }
    return text.replaceAll(/npm install && |npm run dev|\b(?:8883|8443|9090)\b/g, (found) => others[found]!)
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.tree, file)), { recursive: true })
    writeFileSync(join(this.tree, file), this.here(text))
  }

  /** Runs a block. Later blocks of the page see the variables it sets. */
  async run(page: string, text: string): Promise<Output> {
    return this.#ended(this.#start(page, text))
  }

  /**
   * Starts a background block, after ending the previous one of that name, and waits until it has subscribed or ended, if there is a
   * platform.
   */
  async background(page: string, name: string, text: string): Promise<Output> {
    await this.#end(name)
    const before = await this.#subscribes()
    const output = this.#start(page, text, name)
    this.outputs.set(name, output)
    if (before === undefined) return output
    await until(async () => output.ended !== undefined || (await this.#subscribes())! > before, `${name} subscribes`)
    return output
  }

  /** Waits until the output holds these lines, in this order. */
  async prints(output: Output, text: string): Promise<void> {
    const lines = this.here(text)
      .trimEnd()
      .split('\n')
      .map((line) => line.split('…').map(escaped).join('.*'))
    const wanted = new RegExp(lines.join('(?:\\n.*)*?\\n'))
    await until(
      () => wanted.test(output.text) || output.ended !== undefined,
      'the output',
      () => output.text,
    )
    if (!wanted.test(output.text)) throw new Error(`expected\n${text}\nbut it printed\n${output.text}`)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].toReversed().map((name) => this.#end(name)))
    rmSync(this.tree, { recursive: true })
  }

  async #end(name: string): Promise<void> {
    const child = this.#running.get(name)
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const end = once(child, 'close')
    process.kill(-child.pid!, 'SIGTERM')
    await end
  }

  #start(page: string, text: string, name = `${page} ${this.#running.size}`): Output {
    const kept = `${this.tree}.variables-${page.replaceAll('/', '-')}`
    const script = `set -euo pipefail\nset -a\n[ ! -f ${kept} ] || . ${kept}\n${this.here(text)}\nexport -p > ${kept}`
    const child = spawn('bash', ['-c', script], {
      cwd: this.tree,
      env: this.#env,
      detached: true, // so that its child processes can be ended with it
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#running.set(name, child)
    const output: Output = { text: '', ended: undefined }
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (said: string) => (output.text += said))
    }
    child.once('close', (code) => (output.ended = code ?? -1))
    return output
  }

  async #ended(output: Output): Promise<Output> {
    await until(
      () => output.ended !== undefined,
      'its end',
      () => output.text,
    )
    return output
  }

  /** The broker's count of SUBSCRIBE packets; undefined without a broker. */
  async #subscribes(): Promise<number | undefined> {
    const response = await fetch(`http://127.0.0.1:${this.#ports['9090']}/metrics`).catch(() => undefined)
    if (!response) return undefined
    return Number(/^mqtt_packets_received_total\{kind="subscribe"\} (\d+)/m.exec(await response.text())?.[1] ?? 0)
  }
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

async function until(isSo: () => boolean | Promise<boolean>, what: string, tell = () => ''): Promise<void> {
  for (const end = Date.now() + DEADLINE; !(await isSo()); await pause(20)) {
    if (Date.now() > end) throw new Error(`timed out waiting for ${what}: ${tell()}`)
  }
}
