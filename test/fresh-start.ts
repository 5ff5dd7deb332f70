import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals'
import { Device } from './device.ts'
import { freePorts } from './free-port.ts'
import { Run } from './process.ts'

/** The platform of `npm start` on a fresh machine, without settings and data. It runs during all tests of a file. */
export class FreshStart {
  start!: Run
  /** The platform's data. */
  readonly folder = mkdtempSync(join(tmpdir(), 'fresh-'))
  /** An empty folder of the current test's own. */
  dir = ''
  readonly #opened: { close(): Promise<void> }[] = []
  #ports: Record<string, string> = {}

  constructor() {
    beforeAll(async () => {
      this.#ports = await freePorts()
      chmodSync(this.folder, 0o755)
      this.start = this.run(['scripts/start.ts'], { DATA_DIR: this.folder })
      await this.start.says(/Ctrl-C ends it/)
    })
    beforeEach(() => {
      this.dir = mkdtempSync(join(tmpdir(), 'fresh-'))
    })
    afterEach(() => rmSync(this.dir, { recursive: true }))
    afterAll(async () => {
      for (const one of this.#opened.toReversed()) await one.close()
      rmSync(this.folder, { recursive: true })
    })
  }

  /** One of our scripts, with its data in the current test's folder. */
  run(script: string[], env: Record<string, string> = {}): Run {
    const one = new Run(script, { env: { NODE_ENV: '', DATA_DIR: this.dir, ...this.#ports, ...env } })
    this.#opened.push(one)
    return one
  }

  /** What the platform has printed. */
  said(what: RegExp): string {
    return what.exec(this.start.stdout)?.[1] ?? `nothing like ${what}`
  }

  /** A person with the printed token. */
  async device(name: 'alice' | 'bob', over: 'tls' | 'wss' = 'tls'): Promise<Device> {
    const url = this.said(over === 'wss' ? /(wss:\/\/\S+)/ : /(mqtts:\/\/\S+)/)
    const ca = readFileSync(this.said(/--ca (\S+)/), 'utf8')
    const token = this.said(name === 'alice' ? /ALICE=(\S+)/ : /BOB=(\S+)/)
    const one = await Device.connect(name, url, 'none', ca, { token })
    this.#opened.push({ close: () => one.mqtt.endAsync(true) })
    return one
  }

  /** The process of a part of the platform. */
  part(script: string): number {
    return [...this.start.children()].find(([, command]) => command.includes(script))![0]
  }
}
