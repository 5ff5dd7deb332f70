import type { KeptPage } from '../../seam/from-core.ts'
import type { FromFront } from '../../seam/from-front.ts'
import type { Connection } from './connection.ts'
import { isOver, whenSent } from './forward.ts'
import type { MessageSender } from './message-sender.ts'
import { outgoing } from './outgoing.ts'
import { nextTurn } from './turn.ts'

export interface CatchingUpPorts {
  sender: MessageSender
  toCore: (message: FromFront) => void
}

/** Sends what waits in a connection's session, a page of the core's at a time. */
export function catchingUp({ sender, toCore }: CatchingUpPorts) {
  return (connection: Connection, { messages, asksForMore }: KeptPage): void => {
    for (const message of messages) {
      if (isOver(connection)) return
      if ('isReleased' in message) sendPubrel(connection, message.number)
      else {
        const { number, dup, ...its } = message
        sender.send(connection, { ...outgoing(number, its), dup })
      }
    }
    if (!asksForMore || isOver(connection)) return
    const wantsMore = (): void => {
      if (!isOver(connection)) toCore({ kind: 'wants_kept', connection: connection.number })
    }
    whenSent(connection, () => nextTurn(wantsMore)) // lets other connections go first
  }
}

function sendPubrel({ inFlight, outbox }: Connection, number: number): void {
  const messageId = inFlight?.idFor(number)
  if (messageId !== undefined) outbox.write(Buffer.from([0x62, 2, messageId >> 8, messageId & 0xff]))
}
