import jwt from 'jsonwebtoken'
import { userIdOf, type UserId } from '../../shared/wire/user-id.ts'
import { Denied } from '../session.ts'

/** Characters of a token at most; a longer one is refused unread. */
const MAX_TOKEN = 8_192
/** Seconds a token may still have to go, at most: ten years. A later `exp` is a mistake or an attack. */
const MAX_LIFETIME = 10 * 365 * 86_400
/** Seconds by which the clocks of issuer and broker may differ. */
const CLOCK_TOLERANCE = 5

export interface TokenClaims {
  user: UserId
  /** Milliseconds since 1970. */
  expiresAt: number
  /** Its claim `role` is `operator`. */
  isOperator: boolean
}

/**
 * Checks an HS256 token against each secret in turn (RFC 7519, RFC 8725: the algorithm is ours to choose, never the token's).
 * @throws {Denied} with the reason, for the log
 */
export function verifyToken(token: string, secrets: readonly string[]): TokenClaims {
  if (token.length > MAX_TOKEN) throw new Denied(`token longer than ${MAX_TOKEN} characters`)
  refuseCritical(token)
  let reason = 'no secret is set'
  for (const secret of secrets) {
    try {
      return claimsOf(jwt.verify(token, secret, { algorithms: ['HS256'], clockTolerance: CLOCK_TOLERANCE }))
    } catch (err) {
      if (err instanceof Denied) throw err
      reason = (err as Error).message
      if (reason !== 'invalid signature') break
    }
  }
  throw new Denied(`token: ${reason}`)
}

function claimsOf(claims: string | jwt.JwtPayload): TokenClaims {
  if (typeof claims === 'string') throw new Denied('token: its payload is no object')
  const { sub, exp, role } = claims
  if (typeof exp !== 'number' || !Number.isFinite(exp)) throw new Denied('token: exp is missing or no number')
  if (exp > Date.now() / 1000 + MAX_LIFETIME) throw new Denied('token: exp is more than ten years away')
  try {
    return { user: userIdOf(sub), expiresAt: exp * 1000, isOperator: role === 'operator' }
  } catch (err) {
    throw new Denied(`token: ${(err as Error).message}`)
  }
}

/** A token may demand what we do not know; then we must not believe it. [RFC 7515 4.1.11] jsonwebtoken does not look. */
function refuseCritical(token: string): void {
  const { header } = decoded(token)
  if (header.crit !== undefined) throw new Denied('token: crit names extensions that are not known')
}

function decoded(token: string): jwt.Jwt {
  let read: jwt.Jwt | null = null
  try {
    read = jwt.decode(token, { complete: true })
  } catch {} // its message would show a part of the claims
  if (!read?.payload) throw new Denied('token: malformed')
  return read
}
