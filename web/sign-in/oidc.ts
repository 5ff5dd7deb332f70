import type { Issuer } from '../config.ts'
import { claimsOf, toBase64url } from './base64url.ts'
import { ownerOf, type Session } from './session.ts'

// OpenID Connect in the page: authorization code with PKCE (RFC 7636), for a public client. The ID token comes from the issuer over TLS,
// which stands for its signature (OpenID Connect Core 3.1.3.7, item 6); the platform verifies the token that it is given.

/** What is kept between leaving for the issuer and coming back. */
interface Departure {
  issuer: Issuer
  state: string
  nonce: string
  verifier: string
}

interface Tokens {
  access: string
  id: string
  refresh?: string
  /** Milliseconds since 1970, by this device's clock. */
  expires: number
}

interface Metadata {
  issuer: string
  authorization_endpoint: string
  token_endpoint: string
  end_session_endpoint?: string
}

const [DEPARTURE, SESSION] = ['switchboard.oidc.departure', 'switchboard.oidc.session']
/** Milliseconds before a token's end at which a new one is fetched. The platform asks for one a minute before. */
const EARLY = 90_000

/** Leads to the issuer's sign-in page. @throws {Error} in words */
export async function leaveToSignIn(issuer: Issuer): Promise<void> {
  const { authorization_endpoint } = await discover(issuer)
  const departure: Departure = { issuer, state: random(), nonce: random(), verifier: random() }
  sessionStorage.setItem(DEPARTURE, JSON.stringify(departure))
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(departure.verifier))
  location.assign(
    withQuery(authorization_endpoint, {
      response_type: 'code',
      client_id: issuer.clientId,
      redirect_uri: redirectUri(),
      scope: ['openid profile', ...(issuer.scope === undefined ? [] : [issuer.scope])].join(' '),
      state: departure.state,
      nonce: departure.nonce,
      code_challenge: toBase64url(new Uint8Array(digest)),
      code_challenge_method: 'S256',
      ...(issuer.audience !== undefined && { audience: issuer.audience }),
    }),
  )
}

/** Comes back from the issuer, if the address says so. @throws {Error} in words, when the issuer refused or the answer is not to our question */
export async function returnFromIssuer(): Promise<void> {
  const query = new URLSearchParams(location.search)
  if (!query.has('state') || !(query.has('code') || query.has('error'))) return
  history.replaceState(null, '', '/')
  const stored = sessionStorage.getItem(DEPARTURE)
  sessionStorage.removeItem(DEPARTURE)
  const departure = stored === null ? undefined : (JSON.parse(stored) as Departure)
  if (!departure || departure.state !== query.get('state'))
    throw new Error('This sign-in was begun in another tab. Sign in again.')
  if (query.has('error')) {
    const said = query.get('error_description') ?? query.get('error')
    throw new Error(`${departure.issuer.name} did not sign you in: ${said}.`)
  }
  const { issuer, nonce, verifier } = departure
  const metadata = await discover(issuer)
  if (query.has('iss') && query.get('iss') !== metadata.issuer) throw new Error('The answer is from another issuer.') // RFC 9207
  const tokens = await fetchTokens(issuer, metadata, {
    grant_type: 'authorization_code',
    code: query.get('code')!,
    redirect_uri: redirectUri(),
    code_verifier: verifier,
  })
  const claims = claimsOf(tokens.id)
  const isForUs = [claims['aud']].flat().includes(issuer.clientId)
  if (claims['iss'] !== metadata.issuer || claims['nonce'] !== nonce || !isForUs) {
    throw new Error(`${issuer.name} answered with a token that is not for this sign-in.`)
  }
  sessionStorage.clear() // whoever was signed in here by other means is not any more
  keep(issuer, tokens)
}

/** The session that this tab has with an issuer, if any. */
export function oidcSession(): Session | undefined {
  const stored = sessionStorage.getItem(SESSION)
  if (stored === null) return undefined
  const { issuer, tokens: first } = JSON.parse(stored) as { issuer: Issuer; tokens: Tokens }
  let tokens = first
  let renewing: Promise<string | undefined> | undefined
  /** A refresh token may be good for one use, so only one renewal runs at a time. */
  const renew = (): Promise<string | undefined> => {
    renewing ??= refreshed(issuer, tokens)
      .then((fresh) => {
        if (fresh) keep(issuer, (tokens = fresh))
        return fresh && usable(fresh)
      })
      .finally(() => (renewing = undefined))
    return renewing
  }
  return {
    owner: ownerOf(first.id),
    async token({ wasRefused }) {
      if (!wasRefused && tokens.expires - EARLY > Date.now()) return usable(tokens)
      const isOver = wasRefused || tokens.expires < Date.now()
      return (await renew()) ?? (isOver ? undefined : usable(tokens))
    },
    async signOut() {
      sessionStorage.removeItem(SESSION)
      const { end_session_endpoint } = await discover(issuer).catch(() => ({ end_session_endpoint: undefined }))
      if (end_session_endpoint === undefined) return
      const farewell = { id_token_hint: tokens.id, client_id: issuer.clientId, post_logout_redirect_uri: redirectUri() }
      location.assign(withQuery(end_session_endpoint, farewell))
      await new Promise(() => {}) // the page goes away
    },
  }
}

/** @returns nothing when the issuer does not renew any more: the user must sign in again. @throws {Error} when it cannot be reached */
async function refreshed(issuer: Issuer, { refresh, id }: Tokens): Promise<Tokens | undefined> {
  if (refresh === undefined) return undefined
  try {
    const fresh = await fetchTokens(
      issuer,
      await discover(issuer),
      { grant_type: 'refresh_token', refresh_token: refresh },
      id,
    )
    return { refresh, ...fresh }
  } catch (err) {
    if (err instanceof Refused) return undefined
    throw err
  }
}

class Refused extends Error {}

async function fetchTokens(
  issuer: Issuer,
  { token_endpoint }: Metadata,
  grant: Record<string, string>,
  oldId?: string,
): Promise<Tokens> {
  const response = await fetch(token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({ client_id: issuer.clientId, ...grant }),
  })
  const answer = (await response.json().catch(() => ({}))) as Partial<Record<string, string | number>>
  if (!response.ok) {
    const said = String(answer['error_description'] ?? answer['error'] ?? response.status)
    const message = `${issuer.name} did not give a token: ${said}.`
    throw response.status < 500 && response.status !== 429 ? new Refused(message) : new Error(message)
  }
  const id = answer['id_token'] ?? oldId
  const { access_token: access, refresh_token: refresh, expires_in: seconds } = answer
  if (typeof access !== 'string' || typeof id !== 'string') throw new Refused(`${issuer.name} gave no token.`)
  const lifetime = typeof seconds === 'number' ? seconds * 1_000 : 300_000
  return { access, id, expires: Date.now() + lifetime, ...(typeof refresh === 'string' && { refresh }) }
}

/** The platform takes JWTs. An issuer whose access tokens are none is known by its ID token. */
function usable({ access, id }: Tokens): string {
  return access.split('.').length === 3 ? access : id
}

function keep(issuer: Issuer, tokens: Tokens): void {
  sessionStorage.setItem(SESSION, JSON.stringify({ issuer, tokens }))
}

async function discover({ issuer, name }: Issuer): Promise<Metadata> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const response = await fetch(address).catch(() => undefined)
  if (!response?.ok) throw new Error(`${name} cannot be reached. Try again in a moment.`)
  const metadata = (await response.json()) as Metadata
  if (metadata.issuer !== issuer) throw new Error(`${name} names itself ${metadata.issuer}, not ${issuer}.`)
  return metadata
}

function withQuery(address: string, query: Record<string, string>): string {
  const url = new URL(address)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return url.href
}

const redirectUri = (): string => `${location.origin}/`
const random = (): string => toBase64url(crypto.getRandomValues(new Uint8Array(32)))
