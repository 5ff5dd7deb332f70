import jwt from 'jsonwebtoken'
import { ConfigError } from '../shared/config.ts'
import { durationOf } from '../shared/wire/time.ts'

/** The longest lifetime, in seconds: ten years. */
const MAX_TTL = 3_650 * 86_400

/**
 * Signs a dev token.
 * @param ttl such as `90s`, `30m`, `1h`, `7d`
 * @throws {ConfigError} when `ttl` is not of this form, or longer than 3650 days
 */
export function signToken(sub: string, ttl: string, secret: string, claims: object = {}): string {
  const seconds = (durationOf(ttl) ?? Infinity) / 1_000
  if (!(seconds <= MAX_TTL)) throw new ConfigError(`--ttl: ${ttl} is not a duration such as 30m, 1h or 7d, up to 3650d`)
  return jwt.sign({ ...claims, sub }, secret, { algorithm: 'HS256', expiresIn: seconds })
}
