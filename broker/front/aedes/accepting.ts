import type { Duplex } from 'node:stream'
import type { Config } from '../../../shared/config.ts'
import type { FromFront } from '../../seam/from-front.ts'
import { MESSAGE_RATE_TOO_HIGH } from '../../seam/reasons.ts'
import type { From } from '../identity/login.ts'
import type { Lingering } from '../lingering.ts'
import type { Witness } from '../witness.ts'
import { connect, type Connection } from './connection.ts'
import type { Core } from './core.ts'
import { lingers, saysGoodbye } from './farewell.ts'
import { FastPath } from './fast-path.ts'
import type { Open } from './from-core.ts'
import { CONNECT_ROOM, guardPackets } from './guard.ts'
import type { InnerClient } from './internals.ts'

export interface AcceptingPorts {
  config: Config
  core: Core
  /** By number, the open connections. */
  connections: Map<number, Open>
  toCore: (message: FromFront) => void
  /** Called when more, or less, waits in a socket than before: by so many bytes. */
  unsentGrew: (by: number) => void
  /** Called for a PUBACK that the fast path has decoded. */
  acknowledged: (client: InnerClient, messageId: number, reasonCode: number) => void
  /** Called with the filters of an UNSUBSCRIBE. */
  unsubscribed: (client: InnerClient, filters: readonly string[]) => void
  /** Called when a connection's socket is closed. */
  closed: (connection: Connection) => void
  witness: Witness
  lingering: Lingering
}

/** Hands a new byte stream to Aedes, behind the guard and the fast path. */
export function accepting(ports: AcceptingPorts) {
  const { config, core, connections, toCore, unsentGrew, acknowledged, unsubscribed, closed, witness, lingering } =
    ports

  return (stream: Duplex, from: From): void => {
    const client = core.handle(stream) as unknown as InnerClient
    const connection = connect(client, from, unsentGrew)
    saysGoodbye(client, lingering)
    const fastPath = new FastPath(client, connection, { publish: toCore, acknowledged })
    connections.set(connection.number, { connection, fastPath })
    stream.once('close', () => {
      connection.outbox.report()
      if (!connection.answered) connections.delete(connection.number)
      closed(connection)
    })
    guardPackets(client, {
      fastPath,
      unsubscribed: (filters) => unsubscribed(client, filters),
      max: () => (connection.inbox ? Infinity : config.PACKETS_PER_CONNECTION),
      flooded() {
        toCore({ kind: 'flooded', connection: connection.number })
        client.disconnect({ reasonCode: MESSAGE_RATE_TOO_HIGH })
      },
      parsed: (kind) => witness.parsed(kind),
      refused: () => lingers(client, lingering),
      maxFirst: config.MAX_TOKEN_BYTES + CONNECT_ROOM,
      maxPacket: config.MAX_PACKET_BYTES,
    })
  }
}
