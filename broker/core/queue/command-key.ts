import { hash } from 'node:crypto'
import type { Command } from '../../seam/session.ts'

/** The device's id of a command as a key of fixed size: unique per user, or per client when only that client is answered. */
export function keyOf({
  user,
  onlyTo,
  re,
  stored,
}: Pick<Command, 'user' | 'onlyTo' | 're' | 'stored'>): string | undefined {
  if (re === undefined || !stored) return undefined
  return hash('sha256', onlyTo === undefined ? `${user}/${re}` : `${onlyTo}\n${re}`, 'base64url')
}

/** Buffer for hashing; larger payloads get one of their own. */
const together = Buffer.allocUnsafe(4_096)

/** Digest of a command's name and payload. */
export function digestOf({ name, payload }: Command): string {
  const begins = name.length + 1 // ASCII
  const length = begins + payload.length
  const whole = length <= together.length ? together : Buffer.allocUnsafe(length)
  whole.latin1Write(`${name} `, 0)
  whole.set(payload, begins)
  return hash('sha256', whole.subarray(0, length), 'base64url').slice(0, 22)
}
