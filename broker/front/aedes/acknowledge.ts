import type { PublishPacket } from 'aedes'
import { writeToStream } from 'mqtt-packet'
import { Refusal } from '../../../shared/wire/refusal.ts'
import type { InnerClient } from './internals.ts'
import { REASON } from '../../seam/port.ts'

const last = new WeakMap<object, Promise<unknown>>()

/**
 * Runs `work` at once and lets Aedes acknowledge the packet when it is done, in the order of the connection's packets
 * [MQTT-4.6.0-2]. A refusal is acknowledged with its reason code on MQTT 5. On 3.1.1 it counts as taken and is told by an
 * event, but for `unavailable`: what was not stored gets no PUBACK there.
 */
export function answerInOrder(
  client: InnerClient,
  packet: PublishPacket,
  work: (() => void | Promise<void>) | undefined,
  done: (err?: Error | null) => void,
): void {
  let working: void | Promise<void>
  try {
    working = work?.()
  } catch (err) {
    working = Promise.reject(err)
  }
  const before = last.get(client)
  if (!before && !working) return done(null)

  const answered = Promise.allSettled([before, working]).then(([, { status, ...outcome }]) => {
    if (last.get(client) === answered) last.delete(client)
    if (client.closed || client.conn.destroyed) packet.qos = 0 // or Aedes stores what belongs to a session that is over
    if (status === 'fulfilled') return done(null)
    const { reason } = outcome as PromiseRejectedResult
    if (!(reason instanceof Refusal)) return done(reason as Error)
    if (packet.qos > 0 && client.version === 5) refuse(client, packet, reason)
    if (client.version === 5 || reason.code === 'unavailable') packet.qos = 0 // so that Aedes acknowledges nothing
    done(null)
  })
  last.set(client, answered)
}

function refuse(client: InnerClient, packet: PublishPacket, refusal: Refusal): void {
  if (!client.conn.writable) return
  const { messageId } = packet
  if (messageId === undefined) return
  writeToStream(
    {
      cmd: packet.qos === 1 ? 'puback' : 'pubrec',
      messageId,
      reasonCode: REASON[refusal.code],
      ...(client._requestProblemInformation !== false && { properties: { reasonString: refusal.message } }),
    },
    client.conn,
    { protocolVersion: 5 },
  )
}
