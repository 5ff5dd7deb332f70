import { z } from 'zod'
import { parseJsonObject } from '../../../shared/wire/json.ts'
import { ALL_EVENTS, eventTopic } from '../../../shared/wire/topic.ts'
import { mayReceive } from '../../seam/authority.ts'
import { brokerCommand } from './broker-command.ts'

/** Bytes of the answer besides its events. */
const FRAME = 140

const missed = z.looseObject({
  event: z.string(),
  event_seq: z.int(),
  at: z.string(),
  re: z.string().optional(),
})

/**
 * Returns the events that a client has missed since an event it knows, oldest first, as far as its token allows: at most `limit`
 * events and about half of MAX_PACKET_BYTES; a larger event comes alone. An event that is larger than the client accepts is left out;
 * an answer comes as `command_rejected {code: too_large}` instead. `recovered: false` when some of the events are gone, or the epoch
 * is another: then `epoch` and `last` say where to continue.
 */
export const syncEvents = brokerCommand({
  input: z.strictObject({
    epoch: z.string().max(64).optional(),
    since: z.int().min(0).default(0),
    limit: z.int().min(1).max(100).default(50),
  }),
  cost: 50, // a hundred large events may be read for it
  answer: 'events_synced',
  output: z.object({
    recovered: z.boolean(),
    epoch: z.string(),
    events: z.array(missed),
    /** The number of the user's last event. */
    last: z.int(),
    /** There are more: ask again with `since` the last of these. */
    more: z.boolean(),
  }),
  async run({ epoch, since, limit }, { session, inbox, maxBytes, largest }) {
    await inbox.settled() // otherwise an event from before the subscription that is being stored would be missed here and there
    const mayRead = (event: string): boolean =>
      [event, ALL_EVENTS].some((name) => mayReceive(session, eventTopic(session.user, name)))
    const found =
      epoch === inbox.epoch
        ? inbox.after(session.user, since, {
            limit,
            bytes: Math.min(maxBytes, largest - FRAME),
            largest: largest - FRAME,
            mayRead,
          })
        : ({ recovered: false, last: inbox.lastOf(session.user) } as const)
    const { recovered, last } = found
    if (!recovered) return { recovered, epoch: inbox.epoch, events: [], last, more: false }
    const events = found.events.map(({ number, event, body }) =>
      missed.parse({ ...parseJsonObject(body), event, event_seq: number }),
    )
    return { recovered, epoch: inbox.epoch, events, last, more: found.more }
  },
})
