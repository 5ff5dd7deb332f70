import { Unavailable } from '../wire/refusal.ts'

/**
 * The secrets that coturn keeps in its own database, as they are now. All of a realm are good at coturn; the one that came last
 * is to sign, so that during a rotation the older one can go.
 */
export interface TurnSecrets {
  /** @throws {Unavailable} when the database is away or not coturn's, or has no secret of the realm */
  newest(): Promise<string>
  close(): Promise<void>
}

// Whatever it is, it is for coturn's operator to mend; the command waits for him.

export function noSecret(realm: string): never {
  throw new Unavailable(`TURN_SECRET_STORE holds no secret of the realm ${realm}`)
}

export function unreadable(why: string, cause: unknown): Unavailable {
  return new Unavailable(`TURN_SECRET_STORE cannot be read: ${why}`, { cause })
}
