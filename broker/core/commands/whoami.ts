import { z } from 'zod'
import { brokerCommand } from './broker-command.ts'

/**
 * Tells a client who it is: the user id of its topics, its client id and when its session ends; and, for `sync_events`, the number of
 * its last event.
 */
export const whoami = brokerCommand({
  input: z.object({}),
  answer: 'session_info',
  output: z.object({
    user_id: z.string(),
    client_id: z.string(),
    /** The user's name in the token, if there is one. */
    name: z.string().optional(),
    expires_at: z.string(),
    epoch: z.string(),
    /** The number of the user's last event. Not called `event_seq`: a client would take this answer for an event that it has seen. */
    last: z.int(),
  }),
  run: (_, { session: { user, client, token }, inbox }) => ({
    user_id: user,
    client_id: client,
    ...(token.name !== undefined && { name: token.name }),
    expires_at: new Date(token.expiresAt).toISOString(),
    epoch: inbox.epoch,
    last: inbox.lastOf(user),
  }),
})
