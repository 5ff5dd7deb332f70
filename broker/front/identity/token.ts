import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { userIdOf, type UserId } from '../../../shared/wire/user-id.ts'
import { Denied, EXPIRY_TOLERANCE, type Token } from '../../seam/session.ts'
import { parseAcl } from './acl.ts'
import { claimAt, holdsOneOf, type Claims } from './claims.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { issuerNamed, unknownIssuer, type Named } from './issuer-name.ts'
import type { TokenClock } from './token-clock.ts'

/** Longest remaining lifetime of a token in seconds: ten years. A later `exp` is a mistake or an attack. */
const MAX_LIFETIME = 10 * 365 * 86_400
const MAX_JTI = 256
const MAX_NAME = 256
const OPERATOR = 'operator'

/** Accepted sources of tokens: the secrets (HS256, no alias), and the OpenID Connect issuers. */
export interface TokenSources {
  secrets: readonly string[]
  issuers: readonly IssuerKeys[]
  clock: TokenClock
  /** Longest token in characters; a longer one is refused unread. */
  maxLength: number
  /** Seconds by which an issuer's clock may be ahead. */
  tolerance: number
}

/** Which claims hold what. */
interface Reading {
  alias?: string | undefined
  tenant?: string | undefined
  /** The role claim may be a list, as issuers write it. */
  hasRoles?: boolean
  user: string
  role: string
  name: string
}
const OWN_READING: Reading = { user: 'sub', role: 'role', name: 'name' }

/**
 * Verifies a token; says nothing about revocations or bans.
 * @throws {Denied} with the reason, for the log
 */
export type VerifyToken = (token: string) => Promise<Token>

/**
 * Verifies a token (RFC 7519). The settings choose the algorithm, never the token (RFC 8725). A token that names a configured issuer
 * is verified with that issuer's keys alone.
 * @throws {Denied} with the reason, for the log
 */
export async function verifyToken(token: string, sources: TokenSources): Promise<Token> {
  if (token.length > sources.maxLength) {
    throw new Denied(`token longer than ${sources.maxLength} characters (MAX_TOKEN_BYTES)`)
  }
  const { header, payload } = decoded(token)
  // An extension that we do not know must be refused [RFC 7515 4.1.11]; jsonwebtoken does not check.
  if (header.crit !== undefined) throw new Denied('token: crit names unsupported extensions')
  const iss = typeof payload === 'string' ? undefined : (payload.iss as unknown)
  const named = typeof iss === 'string' ? issuerNamed(iss, sources.issuers) : undefined
  const claims = named ? await ofIssuer(token, header, named) : ofSecret(token, header, iss, sources)
  checkTimes(claims, sources)
  const others = sources.issuers.map(({ settings }) => settings.alias).filter((alias) => alias !== undefined)
  return tokenOf(claims, named ? readingOf(named) : OWN_READING, others)
}

async function ofIssuer(
  token: string,
  { alg, kid }: { alg: string; kid?: unknown },
  { issuer, name, tenant }: Named<IssuerKeys>,
): Promise<Claims> {
  const { audience, audience_claim, algorithms } = issuer.settings
  if (!algorithms.some((one) => one === alg)) throw new Denied('token: invalid algorithm') // before it costs a fetch
  if (kid !== undefined && typeof kid !== 'string') throw new Denied('token: kid is not a string')
  const claims = signed(token, await issuer.keyOf(kid), algorithms)
  if (claims['iss'] !== name) throw new Denied('token: the verified iss differs from the decoded one')
  if (tenant !== undefined && claims['tid'] !== tenant) throw new Denied('token: tid differs from the tenant in iss')
  if (audience && !holdsOneOf(claimAt(claims, audience_claim), audience)) {
    throw new Denied(`token: invalid audience: ${audience_claim} must hold ${audience.join(' or ')}`)
  }
  return claims
}

/** A token that names no configured issuer may still be signed with a secret, whatever its `iss`. */
function ofSecret(token: string, { alg }: { alg: string }, iss: unknown, { secrets, issuers }: TokenSources): Claims {
  const stranger = iss === undefined ? undefined : unknownIssuer(iss, issuers)
  if (stranger !== undefined && (alg !== 'HS256' || secrets.length === 0)) throw new Denied(`token: ${stranger}`)
  let last: Denied | undefined
  for (const secret of secrets) {
    try {
      return signed(token, secret, ['HS256'])
    } catch (err) {
      last = err as Denied
      if (last.message !== 'token: invalid signature') break
    }
  }
  last ??= new Denied('token: no iss, and no SECRET is set to verify it with')
  throw stranger === undefined ? last : new Denied(`${last.message}; ${stranger}`)
}

/** @returns the claims, with their times still unchecked */
function signed(token: string, key: string, algorithms: jwt.Algorithm[]): Claims {
  let claims: string | jwt.JwtPayload
  try {
    claims = jwt.verify(token, keyObject(key, algorithms), {
      algorithms,
      ignoreExpiration: true,
      ignoreNotBefore: true,
    })
  } catch (err) {
    throw new Denied(`token: ${(err as Error).message}`)
  }
  if (typeof claims === 'string') throw new Denied('token: the payload is not an object')
  return claims
}

/** Most keys that are cached. */
const MAX_KEYS = 64
const keys = new Map<string, KeyObject>()

/** A secret or a PEM as a key object, created once: jsonwebtoken would parse the text anew for every token. */
function keyObject(text: string, algorithms: jwt.Algorithm[]): KeyObject {
  let key = keys.get(text)
  if (!key) {
    key = algorithms.some((one) => one.startsWith('HS')) ? createSecretKey(Buffer.from(text)) : createPublicKey(text)
    if (keys.size >= MAX_KEYS) keys.clear()
    keys.set(text, key)
  }
  return key
}

/** `exp` is required [RFC 7519 4.1.4]; `nbf` and `iat` may come from a clock that is ahead of ours. */
function checkTimes({ exp, nbf, iat }: Claims, { clock, tolerance }: TokenSources): void {
  if (typeof exp !== 'number' || !Number.isFinite(exp)) throw new Denied('token: exp is missing or not a number')
  const past = clock.now() / 1000 - exp
  if (past >= EXPIRY_TOLERANCE) throw new Denied(`token: jwt expired ${Math.floor(past)} s ago`)
  if (-past > MAX_LIFETIME) throw new Denied('token: exp is more than ten years away')
  if (nbf !== undefined && typeof nbf !== 'number') throw new Denied('token: nbf is not a number')
  for (const [name, begins] of Object.entries({ nbf, iat })) {
    const ahead = typeof begins === 'number' ? begins - clock.latest() / 1000 : 0
    if (ahead > tolerance) {
      throw new Denied(
        `token: jwt not active for another ${Math.ceil(ahead)} s (${name}); if the clocks differ, raise CLOCK_TOLERANCE`,
      )
    }
  }
}

function readingOf({ issuer: { settings }, tenant }: Named<IssuerKeys>): Reading {
  const { alias, user_claim, role_claim, name_claim } = settings
  return { alias, tenant, hasRoles: true, user: user_claim, role: role_claim, name: name_claim }
}

function tokenOf(claims: Claims, { alias, tenant, hasRoles, ...at }: Reading, aliases: string[]): Token {
  const { exp, jti } = claims
  if (jti !== undefined && !(typeof jti === 'string' && jti.length <= MAX_JTI)) {
    throw new Denied(`token: jti must be a string of at most ${MAX_JTI} characters`)
  }
  const role = claimAt(claims, at.role)
  try {
    const user = userIdOf(subjectOf(claims, at.user, tenant), alias)
    refuseBorrowed(user, alias, aliases)
    return {
      user,
      expiresAt: (exp as number) * 1000,
      jti,
      isOperator: role === OPERATOR || (hasRoles === true && holdsOneOf(role, [OPERATOR])),
      name: nameIn(claimAt(claims, at.name)),
      acl: parseAcl(claims['acl'], user),
    }
  } catch (err) {
    throw new Denied(`token: ${(err as Error).message}`)
  }
}

/** The user claim, prefixed with the tenant if there is one: each tenant is an issuer of its own, so equal subjects are different users. */
function subjectOf(claims: Claims, claim: string, tenant: string | undefined): string {
  const subject = claimAt(claims, claim)
  if (typeof subject !== 'string' || subject === '') throw new TypeError(`${claim} must be a non-empty string`)
  return tenant === undefined ? subject : `${tenant}:${subject}`
}

/** The display name is optional: one that cannot be shown is left out. */
function nameIn(claim: unknown): string | undefined {
  const isName = typeof claim === 'string' && claim !== '' && claim.length <= MAX_NAME && claim.isWellFormed()
  return isName && !/\p{Cc}/u.test(claim) ? claim : undefined
}

/** Without this check, a source without an alias could sign `kc:alice` and become the user alice of the issuer `kc`. */
function refuseBorrowed(user: UserId, alias: string | undefined, aliases: string[]): void {
  if (alias === undefined && aliases.some((other) => user.startsWith(`${other}:`))) {
    throw new TypeError('sub begins with the alias of another issuer')
  }
}

function decoded(token: string): jwt.Jwt {
  let read: jwt.Jwt | null = null
  try {
    read = jwt.decode(token, { complete: true })
  } catch {} // the error's message would reveal part of the claims
  if (!read?.payload) throw new Denied('token: malformed')
  return read
}
