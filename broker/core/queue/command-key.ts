import { hash } from 'node:crypto'
import type { Command } from '../../seam/session.ts'

/** A user's own id of a command, as a key of fixed size; where the asking client alone is answered, that client's own. */
export function keyOf({
  user,
  onlyTo,
  re,
  stored,
}: Pick<Command, 'user' | 'onlyTo' | 're' | 'stored'>): string | undefined {
  if (re === undefined || !stored) return undefined
  return hash('sha256', onlyTo === undefined ? `${user}/${re}` : `${onlyTo}\n${re}`, 'base64url')
}

/** Where what is hashed is put together, unless it is larger. */
const together = Buffer.allocUnsafe(4_096)

/** What was asked: the command and its payload. */
export function digestOf({ name, payload }: Command): string {
  const begins = name.length + 1 // ASCII
  const length = begins + payload.length
  const whole = length <= together.length ? together : Buffer.allocUnsafe(length)
  whole.latin1Write(`${name} `, 0)
  whole.set(payload, begins)
  return hash('sha256', whole.subarray(0, length), 'base64url').slice(0, 22)
}
