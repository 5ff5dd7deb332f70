import type { FromFront } from '../../seam/messages.ts'
import { connectionOf, type Connection } from './connection.ts'
import type { InnerClient } from './internals.ts'

export interface ArrivalPorts {
  /** Milliseconds for which a session outlives its connection, at most. */
  maxOutlives: number
  /** Those that are let in, by the session that each is to have. */
  coming: Map<string, Connection>
  toCore: (message: FromFront) => void
}

/** Tells the core of connections that come and go. */
export function arrivals({ maxOutlives, coming, toCore }: ArrivalPorts) {
  /** It has come, or never will. */
  function noMoreComing(connection: Connection): void {
    delete connection.restored
    const id = connection.session?.id
    if (id !== undefined && coming.get(id) === connection) coming.delete(id)
  }

  function outlives({ sessionExpiryInterval }: InnerClient): number {
    return Math.min(sessionExpiryInterval * 1000, maxOutlives)
  }

  /** By the id of the session that each has. */
  const holding = new Map<string, Connection>()

  /** It sends nothing more of what its session keeps. */
  function leaves(connection: Connection): void {
    const { number, session, underWay } = connection
    if (holding.get(session!.id) !== connection) return
    holding.delete(session!.id)
    delete connection.underWay
    if (underWay) toCore({ kind: 'leaves', connection: number, underWay: underWay.all() })
  }

  return {
    /** It has its session, and any other connection of that has ended. */
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

    /** Its socket is closed; it may never have come. */
    closed(connection: Connection): void {
      if (connection.session && !connection.ended) {
        toCore({ kind: 'went', connection: connection.number, outlives: 0 })
      }
      noMoreComing(connection)
    },
  }
}
