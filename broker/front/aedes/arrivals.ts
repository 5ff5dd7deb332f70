import type { FromFront } from '../../seam/from-front.ts'
import type { EndReason } from '../end-reason.ts'
import { connectionOf, type Connection } from './connection.ts'
import type { InnerClient } from './internals.ts'

export interface ArrivalPorts {
  /** Most milliseconds for which a session outlives its connection. */
  maxOutlives: number
  /** By session id, the connections that are admitted and do not own their session yet. */
  coming: Map<string, Connection>
  toCore: (message: FromFront) => void
  /** Called when a connection that had logged in has ended. */
  gone: (reason: EndReason) => void
}

/** Reports to the core which connections come and go. */
export function arrivals({ maxOutlives, coming, toCore, gone }: ArrivalPorts) {
  /** Forgets an admitted connection that has come, or never will. */
  function noMoreComing(connection: Connection): void {
    connection.restored = undefined
    const id = connection.session?.id
    if (id !== undefined && coming.get(id) === connection) coming.delete(id)
  }

  function outlives({ sessionExpiryInterval }: InnerClient): number {
    return Math.min(sessionExpiryInterval * 1000, maxOutlives)
  }

  /** By session id, the connection that owns the session. */
  const holding = new Map<string, Connection>()

  /** Stops a connection from sending what its session keeps. */
  function leaves(connection: Connection): void {
    const { number, session, inFlight } = connection
    if (holding.get(session!.id) !== connection) return
    holding.delete(session!.id)
    connection.inFlight = undefined
    if (inFlight) toCore({ kind: 'leaves', connection: number, inFlight: inFlight.all() })
  }

  return {
    /** The connection owns its session now; any other connection of that session has ended. */
    registered(client: InnerClient): void {
      const connection = connectionOf(client)
      const { number, will, from, isClean = false } = connection
      const session = connection.session!
      const sessionPresent = !isClean && (connection.restored ?? []).length > 0
      noMoreComing(connection)
      const before = holding.get(session.id)
      if (before) leaves(before)
      holding.set(session.id, connection)
      from.loggedIn?.(session.kind)
      const { receiveMaximum: window, maximumPacketSize: largest = Infinity } = client
      const keeping = { isClean, sessionPresent, keeps: !client.clean, outlives: outlives(client) }
      toCore({ kind: 'connected', connection: number, session, ...keeping, window, largest })
      let isOver = false
      const ended = (): void => {
        if (isOver) return
        isOver = true
        leaves(connection)
        const { endsForGood = false, endReason = client._disconnected ? 'client' : 'lost' } = connection
        gone(endReason)
        if (will && (client._disconnected || endsForGood)) toCore({ kind: 'will_over', connection: number })
        toCore({ kind: 'disconnected', connection: number, outlives: endsForGood ? 0 : outlives(client) })
      }
      connection.ended = ended
      client.conn.once('close', ended)
    },

    /** The socket is closed, perhaps before the connection came. */
    closed(connection: Connection): void {
      if (connection.session && !connection.ended) {
        toCore({ kind: 'disconnected', connection: connection.number, outlives: 0 })
      }
      noMoreComing(connection)
    },
  }
}
