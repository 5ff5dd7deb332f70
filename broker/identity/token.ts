import jwt from 'jsonwebtoken'
import { userIdOf, type UserId } from '../../shared/wire/user-id.ts'
import { Denied, type Token } from '../session.ts'
import { parseAcl } from './acl.ts'
import type { IssuerKeys } from './issuer-keys.ts'

/** Characters of a token at most; a longer one is refused unread. */
const MAX_TOKEN = 8_192
/** Seconds a token may still have to go, at most: ten years. A later `exp` is a mistake or an attack. */
const MAX_LIFETIME = 10 * 365 * 86_400
/** Seconds by which the clocks of issuer and broker may differ. */
const CLOCK_TOLERANCE = 5
const MAX_JTI = 256

/** Whose tokens are taken: those signed with a secret (HS256, no alias), and those of OpenID Connect issuers. */
export interface TokenSources {
  secrets: readonly string[]
  issuers: readonly IssuerKeys[]
}

/**
 * Checks a token (RFC 7519; RFC 8725: the algorithm is ours to choose, never the token's). One that names an issuer we know is
 * checked with that issuer's keys alone.
 * @throws {Denied} with the reason, for the log
 */
export async function verifyToken(token: string, sources: TokenSources): Promise<Token> {
  if (token.length > MAX_TOKEN) throw new Denied(`token longer than ${MAX_TOKEN} characters`)
  const { header, payload } = decoded(token)
  // It may demand what we do not know; then we must not believe it. [RFC 7515 4.1.11] jsonwebtoken does not look.
  if (header.crit !== undefined) throw new Denied('token: crit names extensions that are not known')
  const iss = typeof payload === 'string' ? undefined : payload.iss
  const issuer = sources.issuers.find(({ settings }) => settings.issuer === iss)
  const claims = issuer ? await ofIssuer(token, header, issuer) : ofSecret(token, sources.secrets)
  const others = sources.issuers.map(({ settings }) => settings.alias).filter((alias) => alias !== undefined)
  return tokenOf(claims, issuer?.settings.alias, others)
}

async function ofIssuer(
  token: string,
  { alg, kid }: { alg: string; kid?: unknown },
  issuer: IssuerKeys,
): Promise<string | jwt.JwtPayload> {
  const { issuer: iss, audience, algorithms } = issuer.settings
  if (!algorithms.some((one) => one === alg)) throw new Denied('token: invalid algorithm') // before it costs a fetch
  if (kid !== undefined && typeof kid !== 'string') throw new Denied('token: its kid is no text')
  const key = await issuer.keyOf(kid)
  return checked(token, key, {
    algorithms,
    issuer: iss,
    ...(audience !== undefined && { audience: typeof audience === 'string' ? audience : (audience as [string]) }),
  })
}

function ofSecret(token: string, secrets: readonly string[]): string | jwt.JwtPayload {
  let last = new Denied('token: its issuer is not known')
  for (const secret of secrets) {
    try {
      return checked(token, secret, { algorithms: ['HS256'] })
    } catch (err) {
      last = err as Denied
      if (last.message !== 'token: invalid signature') break
    }
  }
  throw last
}

function checked(token: string, key: string, options: jwt.VerifyOptions): string | jwt.JwtPayload {
  try {
    return jwt.verify(token, key, { ...options, clockTolerance: CLOCK_TOLERANCE })
  } catch (err) {
    throw new Denied(`token: ${(err as Error).message}`)
  }
}

function tokenOf(claims: string | jwt.JwtPayload, alias: string | undefined, aliases: string[]): Token {
  if (typeof claims === 'string') throw new Denied('token: its payload is no object')
  const { sub, exp, jti, role } = claims
  if (typeof exp !== 'number' || !Number.isFinite(exp)) throw new Denied('token: exp is missing or no number')
  if (exp > Date.now() / 1000 + MAX_LIFETIME) throw new Denied('token: exp is more than ten years away')
  if (jti !== undefined && !(typeof jti === 'string' && jti.length <= MAX_JTI)) {
    throw new Denied(`token: jti is no text of at most ${MAX_JTI} characters`)
  }
  try {
    const user = userIdOf(sub, alias)
    refuseBorrowed(user, alias, aliases)
    return { user, expiresAt: exp * 1000, jti, isOperator: role === 'operator', acl: parseAcl(claims['acl'], user) }
  } catch (err) {
    throw new Denied(`token: ${(err as Error).message}`)
  }
}

/** `kc:alice` of the source without an alias would be the user alice of the issuer kc. */
function refuseBorrowed(user: UserId, alias: string | undefined, aliases: string[]): void {
  if (alias === undefined && aliases.some((other) => user.startsWith(`${other}:`))) {
    throw new TypeError('sub begins with the alias of another issuer')
  }
}

function decoded(token: string): jwt.Jwt {
  let read: jwt.Jwt | null = null
  try {
    read = jwt.decode(token, { complete: true })
  } catch {} // its message would show a part of the claims
  if (!read?.payload) throw new Denied('token: malformed')
  return read
}
