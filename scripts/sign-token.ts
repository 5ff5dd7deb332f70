import jwt from 'jsonwebtoken'
import { ConfigError } from '../shared/config.ts'

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 }
const LONGEST = 3_650 * SECONDS.d

/**
 * Signs a dev token.
 * @param ttl such as `90s`, `30m`, `1h`, `7d`
 * @throws {ConfigError} when `ttl` is none of these, or longer than 3650 days
 */
export function signToken(sub: string, ttl: string, secret: string, claims: object = {}): string {
  const [, amount, unit] = /^([1-9]\d{0,8})([smhd])$/.exec(ttl) ?? []
  const seconds = Number(amount) * SECONDS[unit as keyof typeof SECONDS]
  if (!(seconds <= LONGEST)) throw new ConfigError(`--ttl: ${ttl} is no time such as 30m, 1h or 7d, at most 3650d`)
  return jwt.sign({ ...claims, sub }, secret, { algorithm: 'HS256', expiresIn: seconds })
}
