import { z } from 'zod'
import { parseJsonObject } from '../../../shared/wire/json.ts'
import { ALL_EVENTS, eventTopic } from '../../../shared/wire/topic.ts'
import { mayReceive } from '../../seam/authority.ts'
import { brokerCommand } from './broker-command.ts'

/** Bytes of the answer around its events. */
const FRAME = 140

const missed = z.looseObject({
  event: z.string(),
  event_seq: z.int(),
  at: z.string(),
  re: z.string().optional(),
})

/**
 * Tells a client what it has missed since an event it knows, oldest first: as far as its token lets it hear that, at most `limit`
 * events and about half of MAX_PACKET_BYTES; an event that alone is larger comes alone. What is larger than the client takes is
 * left out, or, if it is an answer, told as `command_rejected {code: too_large}`. `recovered: false` when that is not known any
 * more, or the numbers are of another epoch: then `epoch` and `last` say where to go on.
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
    /** There are more: ask again, since the last of these. */
    more: z.boolean(),
  }),
  async run({ epoch, since, limit }, { session, inbox, maxBytes, largest }) {
    await inbox.settled() // or what came before he subscribed, and is not stored yet, would be told neither there nor here
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
