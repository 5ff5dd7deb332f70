import type { Command } from '../broker/seam/session.ts'
import { commandName } from '../shared/wire/topic.ts'

/** A stored command with minimal fields, and these. */
export function commandWith(given: Pick<Command, 'id' | 'order' | 'user'> & Partial<Command>): Command {
  return {
    name: commandName('act'),
    client: 'phone',
    payload: Buffer.alloc(0),
    re: undefined,
    at: Date.now(),
    expiresAt: undefined,
    stored: true,
    traceparent: '',
    correlation: undefined,
    responseTopic: undefined,
    ...given,
  }
}
