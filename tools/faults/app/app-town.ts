import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { signToken } from '../../../scripts/sign-token.ts'
import { closeAll, type Closable } from '../../../shared/shutdown.ts'
import { Parts } from '../../../test/parts.ts'
import { Run } from '../../../test/process.ts'
import { openProxy, type Proxy } from '../proxy.ts'

/** Apps as processes, each behind a network of its own, and the platform. */
export class AppTown implements Closable {
  readonly users: readonly string[]
  readonly parts: Parts
  readonly apps = new Map<string, Run>()
  readonly networks = new Map<string, Proxy>()
  /** Users all of whose calls are answered. */
  readonly sent = new Set<string>()
  /** Apps that ended by themselves. */
  readonly ended: string[] = []
  handlers!: Run
  readonly #ca: string
  readonly #opened: Closable[]

  private constructor(parts: Parts, users: readonly string[]) {
    this.parts = parts
    this.users = users
    this.#opened = [parts]
    this.#ca = join(parts.dir, 'ca.pem')
    writeFileSync(this.#ca, parts.ca)
  }

  /** Opens a platform on which each user has logged in once: from then on they may miss nothing. */
  static async open(apps: number): Promise<AppTown> {
    const parts = await Parts.open({ ACCESS: 'everyone', CONNECTS_PER_CLIENT: '100000', LOG_LEVEL: 'error' })
    const town = new AppTown(
      parts,
      Array.from({ length: apps }, (_, i) => `app${i}`),
    )
    try {
      town.handlers = await parts.startHandlers('messaging')
      for (const user of town.users) {
        const network = await openProxy(() => Number(new URL(parts.url).port))
        town.networks.set(user, network)
        town.#opened.push(network)
        const app = town.start(user, 0)
        await app.ready
        await app.close()
      }
      town.sent.clear()
      return town
    } catch (err) {
      await town.close()
      throw err
    }
  }

  /** The user who sends to this one. */
  before(user: string): string {
    return this.users.at(this.users.indexOf(user) - 1)!
  }

  start(user: string, messages: number): Run {
    const { parts, users } = this
    const env = {
      APP_URL: `mqtts://localhost:${this.networks.get(user)!.port}`,
      APP_CA: this.#ca,
      APP_TOKEN: signToken(user, '7d', parts.env['SECRET']!),
      APP_USER: user,
      APP_PEER: users[(users.indexOf(user) + 1) % users.length]!,
      APP_FROM: this.before(user),
      APP_MESSAGES: String(messages),
      APP_DIR: parts.dir,
    }
    const app = new Run(['tools/faults/app/app.ts'], { env })
    this.apps.set(user, app)
    this.#opened.push(app)
    app.ready.then(() => this.sent.add(user)).catch(() => {})
    void app.ended.then((how) => {
      if (how !== 'SIGKILL') this.ended.push(`${user} ended by itself (${how}): ${app.stderr}`)
    })
    return app
  }

  close(): Promise<void> {
    return closeAll(this.#opened)
  }
}
