import type { PublishPacket } from 'aedes'
import type { FromFront } from '../../seam/from-front.ts'
import { answerOf, connectionOf, firstOfEach } from './connection.ts'
import { willOf } from './incoming.ts'
import type { InnerClient } from './internals.ts'

/** Makes the core keep the will of a client that is logging in; resolves when it is on disk. */
export async function keepWill(
  client: InnerClient,
  will: PublishPacket,
  toCore: (message: FromFront) => void,
): Promise<void> {
  const connection = connectionOf(client)
  const { number, session } = connection
  if (session?.kind !== 'device') return
  connection.will = will
  const message = willOf(will, firstOfEach(will.properties?.userProperties))
  const delay = delayOf(will, client.sessionExpiryInterval)
  await answerOf(connection, () => toCore({ kind: 'will', connection: number, session, message, delay }))
}

/** Milliseconds that a will waits, at most as long as its session lasts [MQTT-3.1.3.2.2]. */
function delayOf(will: PublishPacket, sessionExpiry: number): number {
  const { willDelayInterval = 0 } = (will.properties ?? {}) as { willDelayInterval?: number }
  return Math.min(willDelayInterval, sessionExpiry) * 1000
}
