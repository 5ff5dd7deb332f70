import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type Provider from 'oidc-provider'
import type { Closable } from '../shared/shutdown.ts'
import { freePort } from './free-port.ts'

export type Algorithm = 'RS256' | 'ES256'
const AUDIENCE = 'urn:switchboard'

/** The library, which prints warnings that matter in production alone. */
async function quietProvider(): Promise<typeof Provider> {
  for (const level of ['info', 'warn'] as const) console[level] = () => {}
  return (await import('oidc-provider')).default
}

/** A real OpenID Connect provider on loopback, whose keys a test can rotate and which it can stop. */
export class Issuer implements Closable {
  readonly url: string
  readonly audience = AUDIENCE
  /** How often its keys were fetched. */
  asked = 0
  /** Ids of the keys it has signed with, newest last. */
  readonly kids: string[] = []
  #server: Server
  readonly #library: typeof Provider
  #listener: RequestListener = () => {}

  private constructor(server: Server, library: typeof Provider) {
    this.#library = library
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (request, response) => {
      if (request.url === '/jwks') this.asked++
      this.#listener(request, response)
    })
    this.rotate()
  }

  static async open(): Promise<Issuer> {
    const server = createServer()
    server.listen(await freePort(), '127.0.0.1')
    await once(server, 'listening')
    return new Issuer(server, await quietProvider())
  }

  /**
   * Signs with new keys from now on, and no longer publishes the previous ones.
   * @param claims additional claims of its tokens
   */
  rotate(claims: object = {}): void {
    const kid = randomUUID()
    this.kids.push(kid)
    const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const { privateKey: ec } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const keys = [
      { ...rsa.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: `${kid}-RS256` },
      { ...ec.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: `${kid}-ES256` },
    ]
    const client = (id: string): object => ({
      client_id: id,
      client_secret: 'a secret of the test',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
    })
    const provider = new this.#library(this.url, {
      jwks: { keys },
      extraTokenClaims: () => claims,
      clients: ['alice', 'bob', 'carol'].map(client),
      features: {
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_: unknown, resource: string) => ({
            scope: 'mqtt',
            audience: resource,
            accessTokenFormat: 'jwt',
            accessTokenTTL: 3600,
            jwt: { sign: { alg: resource.endsWith('ES256') ? 'ES256' : 'RS256' } },
          }),
        },
      },
    })
    this.#listener = provider.callback()
  }

  /** An access token of this user, as their app would get it. */
  async tokenOf(user: 'alice' | 'bob' | 'carol', algorithm: Algorithm = 'RS256'): Promise<string> {
    const form = { grant_type: 'client_credentials', client_id: user, client_secret: 'a secret of the test' }
    const resource = `${AUDIENCE}:${algorithm}`
    const answer = await fetch(`${this.url}/token`, {
      method: 'POST',
      body: new URLSearchParams({ ...form, resource, scope: 'mqtt' }),
    })
    const body = (await answer.json()) as { access_token?: string }
    if (body.access_token === undefined) throw new Error(`the provider returned no token: ${JSON.stringify(body)}`)
    return body.access_token
  }

  /** Stops; `returns` starts it again at the same address. */
  async leaves(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async returns(): Promise<void> {
    this.#server.listen(Number(new URL(this.url).port), '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.leaves()
  }
}
