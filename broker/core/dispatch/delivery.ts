import { isoOf } from '../../../shared/wire/time.ts'
import type { Delivery } from '../reach.ts'
import type { Job, Member } from './job.ts'

/** Bytes in which a user's clients are listed. */
const MOST_LISTED = 60_000

/**
 * A command in hand, with the broker's stamp, as a member gets it.
 * @param clients those of its user's that are connected, if the handler sees them
 */
export function deliveryOf({ takes, session }: Member, job: Job, clients: readonly string[] | undefined): Delivery {
  const { command } = job.inHand!
  const stamp: Delivery['stamp'] = {
    'command-id': command.id,
    'user-id': command.user,
    'client-id': command.client,
    attempt: String(job.attempt),
    at: isoOf(command.at),
    traceparent: command.traceparent,
    order: String(command.order),
  }
  if (job.lane && session.keepsOrder) stamp['lane'] = String(job.lane.time)
  if (clients) stamp['clients'] = listed(clients)
  return {
    topic: command.name,
    payload: command.payload,
    qos: command.stored ? takes.get(command.name)! : 0,
    stamp,
  }
}

/** As many of these, as JSON, as a user property has room for [MQTT-1.5.7]. */
function listed(clients: readonly string[]): string {
  let bytes = 0
  const end = clients.findIndex((one) => (bytes += Buffer.byteLength(JSON.stringify(one)) + 1) > MOST_LISTED)
  return JSON.stringify(end < 0 ? clients : clients.slice(0, end))
}
