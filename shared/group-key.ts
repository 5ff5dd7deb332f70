import { createHmac } from 'node:crypto'
import { handlerUsername } from './handler-username.ts'

/** Derives a group's own key from a shared handler key. It reveals neither the shared key nor another group's. */
export function groupKey(sharedKey: string, group: string): string {
  return createHmac('sha256', sharedKey).update(handlerUsername(group)).digest('base64url')
}
