import { z } from 'zod'
import { brokerCommand } from './broker-command.ts'

/** Tells a client who it is: the user id of its topics, its client id, and when its session ends. */
export const whoami = brokerCommand({
  input: z.object({}),
  answer: 'session_info',
  output: z.object({ user_id: z.string(), client_id: z.string(), expires_at: z.string() }),
  run: (_, { session: { user, client, token } }) => ({
    user_id: user,
    client_id: client,
    expires_at: new Date(token.expiresAt).toISOString(),
  }),
})
