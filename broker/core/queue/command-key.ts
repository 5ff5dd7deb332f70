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

/** What was asked: the command and its payload. */
export function digestOf({ name, payload }: Command): string {
  return hash('sha256', Buffer.concat([Buffer.from(`${name} `), payload]), 'base64url').slice(0, 22)
}
