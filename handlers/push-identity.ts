import { createECDH, createPrivateKey, sign } from 'node:crypto'
import { ConfigError } from '../shared/config.ts'

/** Seconds that a token lasts; at most a day [RFC 8292 2]. */
const LIFETIME = 43_200

export interface VapidKeys {
  /** VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY: base64url. */
  readonly publicKey: string
  readonly privateKey: string
  /** VAPID_SUBJECT: a `mailto:` or `https:` URL of the operator. */
  readonly subject: string
}

/**
 * Says to push services who we are [RFC 8292].
 * @returns what makes the Authorization header for the origin of a push service
 * @throws {ConfigError} when the keys do not belong together
 */
export function pushIdentity({ publicKey, privateKey, subject }: VapidKeys): (origin: string) => string {
  const point = pointOf(privateKey)
  if (point?.toString('base64url') !== publicKey) {
    throw new ConfigError('VAPID_PRIVATE_KEY: is not the private key of VAPID_PUBLIC_KEY')
  }
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'))
  const key = createPrivateKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', d: privateKey, x: x!, y: y! } })
  return (origin) => {
    const claims = { aud: origin, exp: Math.floor(Date.now() / 1_000) + LIFETIME, sub: subject }
    const text = [{ typ: 'JWT', alg: 'ES256' }, claims].map(encoded).join('.')
    const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
    return `vapid t=${text}.${signature.toString('base64url')}, k=${publicKey}`
  }
}

function pointOf(privateKey: string): Buffer | undefined {
  try {
    const ecdh = createECDH('prime256v1')
    ecdh.setPrivateKey(privateKey, 'base64url')
    return ecdh.getPublicKey()
  } catch {
    return undefined // zero, or beyond the curve's order
  }
}

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
