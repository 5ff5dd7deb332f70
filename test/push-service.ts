import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPush } from '../handlers/push-settings.ts'
import { readConfig } from '../shared/config.ts'
import { devCertFile, tlsFiles } from '../shared/dev-secrets.ts'
import type { Closable } from '../shared/shutdown.ts'

// A push service and the browsers behind it, on loopback: what the push services of browsers' vendors do, and how browsers read.

const pair = createECDH('prime256v1')
pair.setPrivateKey(Buffer.alloc(32, 7))
/** Keys of the tests, and leave to reach loopback. */
export const PUSH_SETTINGS = {
  VAPID_PUBLIC_KEY: pair.getPublicKey('base64url'),
  VAPID_PRIVATE_KEY: pair.getPrivateKey('base64url'),
  VAPID_SUBJECT: 'mailto:ops@example.com',
  PUSH_PRIVATE_ADDRESSES: 'true',
}

/** What a push service got, and what the browser reads in it. */
export interface Pushed {
  path: string
  headers: IncomingHttpHeaders
  /** The claims of the sender's token. */
  claims: { aud: string; exp: number; sub: string }
  message: Record<string, unknown>
}

export interface Subscribed {
  endpoint: string
  p256dh: string
  auth: string
}

/** How the service answers a path's next requests, each with a status and headers; then 201. */
type Answers = Record<string, [status: number, headers?: Record<string, string>][]>

export class PushService implements Closable {
  readonly #server: Server
  readonly #folder: string
  readonly #browsers = new Map<string, PushBrowser>()
  readonly #unread: Pushed[] = []
  readonly #arrived = new EventTarget()
  readonly answers: Answers = {}
  /** Requests, answered in whatever way. */
  asked = 0

  private constructor(server: Server, folder: string) {
    this.#server = server
    this.#folder = folder
  }

  static async open(): Promise<PushService> {
    const folder = mkdtempSync(join(tmpdir(), 'push-'))
    const { cert, key } = await tlsFiles(readConfig({ DATA_DIR: folder }))
    const server = createServer({ cert, key })
    const service = new PushService(server, folder)
    server.on('request', (request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        const [status, headers = {}] = service.#take(request.url!, request.headers, Buffer.concat(parts))
        response.writeHead(status, headers).end()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return service
  }

  get origin(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The file of the certificate by which it is trusted. */
  get caFile(): string {
    return devCertFile(readConfig({ DATA_DIR: this.#folder }))
  }

  /** Sends messages as the group `push` does, and trusts this service. */
  sender(settings: Record<string, string> = {}) {
    return openPush(readConfig({ ...PUSH_SETTINGS, ...settings }), readFileSync(this.caFile, 'utf8'))!
  }

  /** A browser subscribes. */
  subscribe(path = `/${randomBytes(9).toString('base64url')}`): Subscribed {
    const browser = new PushBrowser()
    this.#browsers.set(path, browser)
    return { endpoint: this.origin + path, ...browser.keys }
  }

  /** The next message that was accepted, oldest first. */
  async gets(): Promise<Pushed> {
    for (;;) {
      const next = this.#unread.shift()
      if (next) return next
      await once(this.#arrived, 'message', { signal: AbortSignal.timeout(60_000) })
    }
  }

  unread(): Pushed[] {
    return this.#unread.splice(0)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    rmSync(this.#folder, { recursive: true })
  }

  #take(path: string, headers: IncomingHttpHeaders, body: Buffer): [number, Record<string, string>?] {
    this.asked++
    const answer = this.answers[path]?.shift()
    if (answer) return answer
    const browser = this.#browsers.get(path)
    if (!browser) return [404]
    const claims = claimsOf(headers.authorization ?? '')
    if (!claims || claims.aud !== this.origin) return [403]
    this.#unread.push({
      path,
      headers,
      claims,
      message: JSON.parse(browser.reads(body).toString()) as Pushed['message'],
    })
    this.#arrived.dispatchEvent(new Event('message'))
    return [201]
  }
}

/** A browser's half of RFC 8291. */
export class PushBrowser {
  readonly #ecdh = createECDH('prime256v1')
  readonly #auth: Buffer

  constructor(privateKey?: string, auth?: string) {
    if (privateKey === undefined) this.#ecdh.generateKeys()
    else this.#ecdh.setPrivateKey(privateKey, 'base64url')
    this.#auth = auth === undefined ? randomBytes(16) : Buffer.from(auth, 'base64url')
  }

  get keys(): { p256dh: string; auth: string } {
    return { p256dh: this.#ecdh.getPublicKey('base64url'), auth: this.#auth.toString('base64url') }
  }

  reads(body: Buffer): Buffer {
    const salt = body.subarray(0, 16)
    const length = body.readUInt8(20)
    const sender = body.subarray(21, 21 + length)
    const sealed = body.subarray(21 + length)
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), this.#ecdh.getPublicKey(), sender])
    const material = Buffer.from(hkdfSync('sha256', this.#ecdh.computeSecret(sender), this.#auth, info, 32))
    const key = Buffer.from(hkdfSync('sha256', material, salt, 'Content-Encoding: aes128gcm\0', 16))
    const nonce = Buffer.from(hkdfSync('sha256', material, salt, 'Content-Encoding: nonce\0', 12))
    const decipher = createDecipheriv('aes-128-gcm', key, nonce).setAuthTag(sealed.subarray(-16))
    const padded = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
    return padded.subarray(0, padded.lastIndexOf(2))
  }
}

/** The claims of a sender's token [RFC 8292], if its signature is right and it lasts for at most a day. */
function claimsOf(authorization: string): Pushed['claims'] | undefined {
  const [, head, payload, signature, k] = /^vapid t=([\w-]+)\.([\w-]+)\.([\w-]+), k=([\w-]+)$/.exec(authorization) ?? []
  if (!head || !payload || !signature || !k) return undefined
  const point = Buffer.from(k, 'base64url')
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'))
  const key = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x: x!, y: y! } })
  const text = Buffer.from(`${head}.${payload}`)
  const isRight = verify('sha256', text, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Pushed['claims']
  const left = claims.exp - Date.now() / 1_000
  return isRight && left > 0 && left <= 86_400 ? claims : undefined
}
