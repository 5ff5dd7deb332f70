import type { FromFront } from '../../seam/messages.ts'
import { connectionOf, type Connection } from './connection.ts'
import type { InnerClient } from './internals.ts'

export interface ArrivalPorts {
  /** Most milliseconds for which a session outlives its connection. */
  maxOutlives: number
  /** By session id, the connections that are admitted and do not own their session yet. */
  coming: Map<string, Connection>
  toCore: (message: FromFront) => void
}

/** Reports to the core which connections come and go. */
export function arrivals({ maxOutlives, coming, toCore }: ArrivalPorts) {
  /** Forgets an admitted connection that has come, or never will. */
  function noMoreComing(connection: Connection): void {
    delete connection.restored
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
    const { number, session, underWay } = connection
    if (holding.get(session!.id) !== connection) return
    holding.delete(session!.id)
    delete connection.underWay
    if (underWay) toCore({ kind: 'leaves', connection: number, underWay: underWay.all() })
  }

  return {
    /** The connection owns its session now; any other connection of that session has ended. */
    came(client: InnerClient): void {
      const connection = connectionOf(client)
      const { number, will, from, isClean = false } = connection
      const session = connection.session!
      const goesOn = !isClean && (connection.restored ?? []).length > 0
      noMoreComing(connection)
      const before = holding.get(session.id)
      if (before) leaves(before)
      holding.set(session.id, connection)
      from.loggedIn?.(session.kind)
      const { receiveMaximum: window, maximumPacketSize: largest = Infinity } = client
      const keeping = { isClean, goesOn, keeps: !client.clean, outlives: outlives(client) }
      toCore({ kind: 'came', connection: number, session, ...keeping, window, largest })
      let isOver = false
      const ended = (): void => {
        if (isOver) return
        isOver = true
        leaves(connection)
        const { endsForGood = false } = connection
        if (will && (client._disconnected || endsForGood)) toCore({ kind: 'will_over', connection: number })
        toCore({ kind: 'went', connection: number, outlives: endsForGood ? 0 : outlives(client) })
      }
      connection.ended = ended
      client.conn.once('close', ended)
    },

    /** The socket is closed, perhaps before the connection came. */
    closed(connection: Connection): void {
      if (connection.session && !connection.ended) {
        toCore({ kind: 'went', connection: connection.number, outlives: 0 })
      }
      noMoreComing(connection)
    },
  }
}
