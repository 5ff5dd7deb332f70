import { writeToStream, type IDisconnectPacket } from 'mqtt-packet'
import { endReasonOf } from '../end-reason.ts'
import type { Lingering } from '../lingering.ts'
import { connectionOf } from './connection.ts'
import type { InnerClient } from './internals.ts'

/**
 * Called when a client's last packet has been written. From then on, `conn.destroy()`, by which Aedes ends connections, ends the session
 * at once but keeps the socket open for the client to read that packet.
 */
export function lingers(client: InnerClient, lingering: Lingering): void {
  const { conn } = client
  if (Object.hasOwn(conn, 'destroy')) return
  const destroy = conn.destroy.bind(conn)
  conn.destroy = (err?: Error & { code?: unknown }) => {
    // The socket itself failed, or the client has closed too.
    if (err?.code !== undefined || conn.readableEnded) return destroy(err)
    lingering.end(conn, () => destroy())
    setImmediate(() => connectionOf(client).ended?.()) // as late as `close` would be: after a takeover is complete
    return conn
  }
}

/** Makes `client.disconnect` send a DISCONNECT to MQTT 5 clients, and nothing after it [MQTT-3.14.4-1]. */
export function saysGoodbye(client: InnerClient, lingering: Lingering): void {
  client.disconnect = (options, done) => {
    const { reasonCode = 0 } = options ?? {}
    connectionOf(client).endReason ??= endReasonOf(reasonCode)
    if (client.version === 5 && client.connackSent && !client.closed && !client.errored && client.conn.writable) {
      connectionOf(client).outbox.flush()
      const packet: IDisconnectPacket = { cmd: 'disconnect', reasonCode }
      writeToStream(packet, client.conn, { protocolVersion: 5 })
      lingers(client, lingering)
    }
    client.close(done)
  }
}
