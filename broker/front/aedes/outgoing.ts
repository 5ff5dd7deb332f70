import type { PublishPacket } from 'aedes'
import type { SessionMessage } from '../../seam/session-message.ts'

/** A message on its way to one client. */
export interface Outgoing extends Omit<SessionMessage, 'properties'> {
  dup: boolean
  /** Its number in the client's session, if the session holds it. */
  number: number | undefined
  messageId?: number | undefined
  properties?: PublishPacket['properties']
}

export function outgoing(number: number | undefined, message: SessionMessage): Outgoing {
  return { ...message, dup: false, number }
}
