import { Unavailable } from '../wire/refusal.ts'

/**
 * The secrets in coturn's own database, read live. coturn accepts all secrets of a realm; the newest one signs, so that the older
 * one can be removed at the end of a rotation.
 */
export interface TurnSecrets {
  /** @throws {Unavailable} when the database cannot be read, is not coturn's, or has no secret for the realm */
  newest(): Promise<string>
  close(): Promise<void>
}

// Whatever is wrong, coturn's operator has to fix it; the command waits until then.

export function noSecret(realm: string): never {
  throw new Unavailable(`TURN_SECRET_STORE has no secret for the realm ${realm}`)
}

export function unreadable(why: string, cause: unknown): Unavailable {
  return new Unavailable(`TURN_SECRET_STORE cannot be read: ${why}`, { cause })
}
