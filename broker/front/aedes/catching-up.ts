import type { FromFront, Kept } from '../../seam/messages.ts'
import type { Connection } from './connection.ts'
import { isOver, whenSent } from './forward.ts'
import type { Relays } from './relaying.ts'
import { outgoing } from './outgoing.ts'
import { nextTurn } from './turn.ts'

export interface CatchingUpPorts {
  relays: Relays
  toCore: (message: FromFront) => void
}

/** Sends what waits in a connection's session, a page of the core's at a time. */
export function catchingUp({ relays, toCore }: CatchingUpPorts) {
  return (connection: Connection, { messages, asksForMore }: Kept): void => {
    for (const message of messages) {
      if (isOver(connection)) return
      if ('isReleased' in message) sendPubrel(connection, message.number)
      else {
        const { number, dup, ...its } = message
        relays.send(connection, { ...outgoing(number, its), dup })
      }
    }
    if (!asksForMore || isOver(connection)) return
    const wantsMore = (): void => {
      if (!isOver(connection)) toCore({ kind: 'wants_kept', connection: connection.number })
    }
    whenSent(connection, () => nextTurn(wantsMore)) // lets other connections go first
  }
}

function sendPubrel({ underWay, outbox }: Connection, number: number): void {
  const messageId = underWay?.idFor(number)
  if (messageId !== undefined) outbox.write(Buffer.from([0x62, 2, messageId >> 8, messageId & 0xff]))
}
