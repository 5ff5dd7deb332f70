import { z } from 'zod'
import { isUserId } from '../../../shared/wire/user-id.ts'
import { ADMINISTRATIVE_ACTION, NOT_AUTHORIZED } from '../../seam/reasons.ts'
import { brokerCommand } from './broker-command.ts'

// Operators' commands about sessions, connected or not. They drop what waits for a session and its will (standing.ts says what else
// continues in the user's name) and survive a restart. `sessions`: how many sessions were ended.

const userId = z.string().max(512).refine(isUserId, 'must be a user id')
const ofUser = z.object({ user_id: z.string(), sessions: z.number() })

/** Ends a user's sessions, or that of one client. They may reconnect. */
export const kickUser = brokerCommand({
  forOperators: true,
  input: z.object({ user_id: userId, client_id: z.string().optional() }),
  answer: 'user_kicked',
  output: ofUser,
  run: ({ user_id, client_id }, { devices }) => ({
    user_id,
    sessions: devices.banish(
      ({ client }) => client_id === undefined || client === client_id,
      ADMINISTRATIVE_ACTION,
      user_id,
    ),
  }),
})

/** Ends a user's sessions and refuses their logins, for good or for some seconds. */
export const banUser = brokerCommand({
  forOperators: true,
  input: z.object({ user_id: userId, seconds: z.number().int().min(1).max(3_155_760_000).optional() }),
  answer: 'user_banned',
  output: ofUser,
  async run({ user_id, seconds }, { devices, revocations }) {
    await revocations.ban(user_id, seconds === undefined ? undefined : Date.now() + seconds * 1000)
    return { user_id, sessions: devices.banish(() => true, ADMINISTRATIVE_ACTION, user_id) }
  },
})

export const unbanUser = brokerCommand({
  forOperators: true,
  input: z.object({ user_id: userId }),
  answer: 'user_unbanned',
  output: z.object({ user_id: z.string() }),
  async run({ user_id }, { revocations }) {
    await revocations.unban(user_id)
    return { user_id }
  },
})

/** Ends the sessions of a token, by its `jti`, and refuses it until its `exp` if that is given, otherwise for good. */
export const revokeToken = brokerCommand({
  forOperators: true,
  input: z.object({ jti: z.string().min(1).max(256), exp: z.number().int().min(0).max(1e11).optional() }),
  answer: 'token_revoked',
  output: z.object({ jti: z.string(), sessions: z.number() }),
  async run({ jti, exp }, { devices, revocations }) {
    await revocations.revoke(jti, exp === undefined ? undefined : (exp + 60) * 1000)
    return { jti, sessions: devices.banish((session) => session.jti === jti, NOT_AUTHORIZED) }
  },
})
