import jwt from 'jsonwebtoken'
import { ConfigError } from '../shared/config.ts'
import { durationOf } from '../shared/wire/time.ts'

/** Seconds: ten years. */
const LONGEST = 3_650 * 86_400

/**
 * Signs a dev token.
 * @param ttl such as `90s`, `30m`, `1h`, `7d`
 * @throws {ConfigError} when `ttl` is none of these, or longer than 3650 days
 */
export function signToken(sub: string, ttl: string, secret: string, claims: object = {}): string {
  const seconds = (durationOf(ttl) ?? Infinity) / 1_000
  if (!(seconds <= LONGEST)) throw new ConfigError(`--ttl: ${ttl} is no time such as 30m, 1h or 7d, at most 3650d`)
  return jwt.sign({ ...claims, sub }, secret, { algorithm: 'HS256', expiresIn: seconds })
}
