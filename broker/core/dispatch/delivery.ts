import { isoOf } from '../../../shared/wire/time.ts'
import type { Delivery } from '../reach.ts'
import type { Job, Member } from './job.ts'

/** Bytes of the list of a user's clients, at most. */
const MAX_LISTED = 60_000

/**
 * A loaded command with the broker's stamp, as a member receives it.
 * @param clients the user's connected clients, if the handler may see them
 */
export function deliveryOf({ consumes, session }: Member, job: Job, clients: readonly string[] | undefined): Delivery {
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
  if (job.lane && session.keepsOrder) stamp.lane = String(job.lane.generation)
  if (clients) stamp.clients = listed(clients)
  return {
    topic: command.name,
    payload: command.payload,
    qos: command.stored ? consumes.get(command.name)! : 0,
    stamp,
  }
}

/** A JSON list of as many clients as fit into a user property [MQTT-1.5.7]. */
function listed(clients: readonly string[]): string {
  let bytes = 0
  const end = clients.findIndex((one) => (bytes += Buffer.byteLength(JSON.stringify(one)) + 1) > MAX_LISTED)
  return JSON.stringify(end < 0 ? clients : clients.slice(0, end))
}
