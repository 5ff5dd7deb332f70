import type { FromCore, KeptPage, Verify } from '../../seam/from-core.ts'
import type { FromFront } from '../../seam/from-front.ts'
import { Denied } from '../../seam/session.ts'
import type { VerifyToken } from '../identity/token.ts'
import { inFlightOf, type Connection } from './connection.ts'
import type { Core } from './core.ts'
import type { FastPath } from './fast-path.ts'
import { deliver, whenSent, type Forward } from './forward.ts'
import type { Questions } from './questions.ts'
import type { MessageSender } from './message-sender.ts'

/** A connection that is open, or still waits for an answer of the core. */
export interface Open {
  readonly connection: Connection
  readonly fastPath: FastPath
}

export interface FromCorePorts {
  connections: Map<number, Open>
  questions: Questions
  forward: Forward
  sender: MessageSender
  catchUp: (connection: Connection, kept: KeptPage) => void
  /** Verifies a token. */
  verify: VerifyToken
  core: () => Core
  toCore: (message: FromFront) => void
}

/** Handles the core's messages. Ignores those for connections that have gone. */
export function takesFromCore(ports: FromCorePorts): (message: FromCore) => void {
  const { connections, questions, forward, sender, toCore } = ports

  /** Passes on the answer that a connection waits for, even if it has closed meanwhile. */
  function answered({ number, client, answered: answer }: Connection, err?: Error): void {
    answer?.(err)
    if (client.conn.destroyed) connections.delete(number)
  }

  function verify({ connection, asks, token }: Verify): void {
    ports.verify(token).then(
      (believed) => toCore({ kind: 'verified', connection, asks, token: believed, reason: '' }),
      ({ message: reason }: Error) => toCore({ kind: 'verified', connection, asks, token: undefined, reason }),
    )
  }

  return (message) => {
    switch (message.kind) {
      case 'dropped':
        return ports.core().clearDelayedWill(message.session)
      case 'stored':
        return questions.answered(message)
      case 'verify':
        return verify(message)
      case 'event':
        return forward.event(message)
      case 'open_message':
        return sender.openMessage(message)
    }
    const known = connections.get(message.connection)
    if (!known) return
    const { connection, fastPath } = known
    switch (message.kind) {
      case 'published':
        return fastPath.published(message.number, message.failure)
      case 'deliver':
        return deliver(connection.client, message)
      case 'admitted':
        connection.restored = message.subscriptions
        return answered(connection)
      case 'denied':
        return answered(connection, new Denied(message.reason, message.as, message.user))
      case 'will_kept':
        return answered(connection, message.failed ? new Error('cannot store the will') : undefined)
      case 'resumes':
        for (const id of message.received) connection.received.add(id)
        return inFlightOf(connection).resumes(message.inFlight)
      case 'kept':
        return ports.catchUp(connection, message)
      case 'wants_room':
        return whenSent(connection, () => toCore({ kind: 'has_room', connection: connection.number }))
      case 'renewed': {
        const { session } = connection
        if (session?.kind === 'device') connection.session = { ...session, token: message.token }
        return
      }
      case 'end':
        if (message.forGood) connection.endsForGood = true
        return connection.client.disconnect({ reasonCode: message.reasonCode })
    }
  }
}
