import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { OidcIssuer } from '../../../shared/config.ts'
import type { Logger } from '../../../shared/log.ts'
import type { Closable } from '../../../shared/shutdown.ts'
import { Denied } from '../../seam/session.ts'
import { shown } from './claims.ts'

/** Milliseconds between fetches caused by unknown key ids, and between retries while the issuer is unreachable. */
const COOL_DOWN = 30_000
/** Milliseconds after which keys are fetched again, so that withdrawn keys disappear. */
const REFRESH = 600_000
/** Milliseconds for which fetched keys stay valid while the issuer is unreachable. */
const STALE_LIMIT = 86_400_000
/** Milliseconds that an issuer has to answer. */
const TIMEOUT = 5_000

const cached = z.object({
  /** When they were fetched, in milliseconds since 1970. */
  toldAt: z.number(),
  keys: z.array(z.object({ kid: z.string().optional(), pem: z.string() })),
})
type Cached = z.output<typeof cached>

const discoveryDocument = z.object({
  issuer: z.string().optional(),
  jwks_uri: z.url({ protocol: /^https?$/ }),
})

/** The public keys of one OpenID Connect issuer: fetched at start, cached on disk, valid for a day while it is unreachable. */
export class IssuerKeys implements Closable {
  readonly settings: OidcIssuer
  /** The first of its names. */
  readonly name: string
  readonly #file: string
  readonly #log: Logger
  #known: Cached
  #isWell = true
  /** The issuer name in the discovery document. */
  #told: string | undefined
  #fetching: Promise<void> | undefined
  #mayAskAt = 0
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  /** @param dir folder of the key cache, which survives restarts */
  constructor(settings: OidcIssuer, dir: string, log: Logger) {
    this.settings = settings
    this.name = settings.issuer[0]!
    this.#file = join(dir, `${createHash('sha256').update(this.name).digest('hex').slice(0, 32)}.json`)
    this.#log = log.child({ issuer: this.name })
    this.#known = this.#read() ?? { toldAt: 0, keys: [] }
    void this.#refresh()
  }

  /** False when the last fetch failed. */
  get isWell(): boolean {
    return this.#isWell
  }

  /**
   * Finds the key with this id, or the only key when the token names none. An unknown id causes a fetch, at most every 30 seconds.
   * @returns a public key in PEM
   * @throws {Denied} when there is no such key, or the keys were fetched more than a day ago
   */
  async keyOf(kid: string | undefined): Promise<string> {
    const known = this.#find(kid)
    if (known !== undefined) return known
    const before = this.#fetching
    await before // its answer may be older than the key
    const isAway = before !== undefined && !this.#isWell
    const mayBeNew = kid !== undefined || this.#known.keys.length === 0
    if (this.#find(kid) === undefined && mayBeNew && !isAway && performance.now() >= this.#mayAskAt) {
      this.#mayAskAt = performance.now() + COOL_DOWN
      void this.#refresh()
    }
    await this.#fetching
    const found = this.#find(kid)
    if (found === undefined) throw new Denied(`token: issuer ${this.name} has no key with this id (kid)`)
    return found
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#fetching
  }

  #find(kid: string | undefined): string | undefined {
    if (Date.now() - this.#known.toldAt > STALE_LIMIT) return undefined
    const { keys } = this.#known
    if (kid === undefined) return keys.length === 1 ? keys[0]!.pem : undefined
    return keys.find((key) => key.kid === kid)?.pem
  }

  #refresh(): Promise<void> {
    this.#fetching ??= this.#fetch()
      .then(
        (keys) => this.#learn(keys),
        (err: Error) => {
          this.#isWell = false
          this.#log.warn(
            { reason: err.message },
            'cannot fetch issuer keys; the last ones stay valid for a day. Check that the issuer is reachable',
          )
        },
      )
      .finally(() => {
        this.#fetching = undefined
        if (this.#isClosed) return
        clearTimeout(this.#timer)
        this.#timer = setTimeout(() => void this.#refresh(), this.#isWell ? REFRESH : COOL_DOWN).unref()
      })
    return this.#fetching
  }

  async #fetch(): Promise<Cached['keys']> {
    const { JwksClient } = await import('jwks-rsa') // a hundred modules, which a broker without issuers does not need
    const client = new JwksClient({ jwksUri: await this.#jwksUri(), cache: false, rateLimit: false, timeout: TIMEOUT })
    const keys = await client.getSigningKeys()
    return keys.map((key) => ({ kid: key.kid as string | undefined, pem: key.getPublicKey() }))
  }

  async #jwksUri(): Promise<string> {
    const { jwks_uri: given, discovery } = this.settings
    if (given !== undefined) return given
    const url = discovery ?? `${this.name.replace(/\/$/, '')}/.well-known/openid-configuration`
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT) })
    if (!answer.ok) throw new Error(`discovery at ${url} answered status ${answer.status}`)
    const { issuer, jwks_uri } = discoveryDocument.parse(await answer.json())
    this.#compare(issuer)
    return jwks_uri
  }

  /** Warns when tokens will name an issuer that the settings do not: they name the discovery document's [OpenID Connect Discovery 1.0, 4.3]. */
  #compare(told: string | undefined): void {
    if (told === this.#told || told === undefined) return
    this.#told = told
    if (this.settings.issuer.includes(told)) return
    this.#log.warn(
      { told: shown(told) },
      'OIDC_ISSUERS: the discovery document names another issuer; tokens that name it will be refused',
    )
  }

  async #learn(keys: Cached['keys']): Promise<void> {
    this.#isWell = true
    this.#known = { toldAt: Date.now(), keys }
    this.#log.debug({ keys: keys.length }, 'fetched issuer keys')
    try {
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 })
      const fresh = `${this.#file}.new`
      await writeFile(fresh, JSON.stringify(this.#known), { mode: 0o600 })
      await rename(fresh, this.#file)
    } catch (err) {
      this.#log.warn(
        { reason: (err as Error).message },
        'cannot cache issuer keys on disk; a restart must fetch them again',
      )
    }
  }

  #read(): Cached | undefined {
    try {
      return cached.parse(JSON.parse(readFileSync(this.#file, 'utf8')))
    } catch {
      return undefined // absent or damaged: they are fetched anew
    }
  }
}
