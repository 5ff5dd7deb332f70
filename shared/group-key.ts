import { createHmac } from 'node:crypto'

/** The key of one group's own that comes with each shared handler key: who has it cannot tell the shared one, nor another group's. */
export function groupKey(sharedKey: string, group: string): string {
  return createHmac('sha256', sharedKey).update(`handler:${group}`).digest('base64url')
}
