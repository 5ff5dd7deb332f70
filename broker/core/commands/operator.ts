import { z } from 'zod'
import type { Logger } from '../../../shared/log.ts'
import { isUserId } from '../../../shared/wire/user-id.ts'
import { ADMINISTRATIVE_ACTION, NOT_AUTHORIZED } from '../../seam/reasons.ts'
import { parseInput } from '../../../shared/wire/input.ts'
import type { JsonObject } from '../../../shared/wire/json.ts'
import type { BrokerCommand, BrokerContext } from './broker-command.ts'

// Operators' commands about sessions, connected or not. They drop what waits for a session and its will (standing.ts says what else
// continues in the user's name) and survive a restart. `sessions`: how many sessions were ended.

const userId = z.string().max(512).refine(isUserId, 'must be a user id')
const ofUser = z.object({ user_id: z.string(), sessions: z.number() })

type OperatorContext = Pick<BrokerContext, 'devices' | 'revocations'>

/** Works without a session, so that the admin port can run it, too. */
interface OperatorCommand extends BrokerCommand {
  run(input: unknown, context: OperatorContext): object | Promise<object>
}

function operatorCommand<Input, Output extends object>(declared: {
  input: z.ZodType<Input>
  answer: BrokerCommand['answer']
  output: z.ZodType<Output>
  run(input: Input, context: OperatorContext): Output | Promise<Output>
}): OperatorCommand {
  return { forOperators: true, cost: 1, ...declared }
}

/** Ends a user's sessions, or that of one client. They may reconnect. */
export const kickUser = operatorCommand({
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
export const banUser = operatorCommand({
  input: z.object({ user_id: userId, seconds: z.number().int().min(1).max(3_155_760_000).optional() }),
  answer: 'user_banned',
  output: ofUser,
  async run({ user_id, seconds }, { devices, revocations }) {
    await revocations.ban(user_id, seconds === undefined ? undefined : Date.now() + seconds * 1000)
    return { user_id, sessions: devices.banish(() => true, ADMINISTRATIVE_ACTION, user_id) }
  },
})

export const unbanUser = operatorCommand({
  input: z.object({ user_id: userId }),
  answer: 'user_unbanned',
  output: z.object({ user_id: z.string() }),
  async run({ user_id }, { revocations }) {
    await revocations.unban(user_id)
    return { user_id }
  },
})

/** Ends the sessions of a token, by its `jti`, and refuses it until its `exp` if that is given, otherwise for good. */
export const revokeToken = operatorCommand({
  input: z.object({ jti: z.string().min(1).max(256), exp: z.number().int().min(0).max(1e11).optional() }),
  answer: 'token_revoked',
  output: z.object({ jti: z.string(), sessions: z.number() }),
  async run({ jti, exp }, { devices, revocations }) {
    await revocations.revoke(jti, exp === undefined ? undefined : (exp + 60) * 1000)
    return { jti, sessions: devices.banish((session) => session.jti === jti, NOT_AUTHORIZED) }
  },
})

const OPERATORS = { kick_user: kickUser, ban_user: banUser, unban_user: unbanUser, revoke_token: revokeToken }
export type OperatorCommandName = keyof typeof OPERATORS

/**
 * Runs a command of operators that did not come by MQTT.
 * @param operator who asks, for the log
 * @throws {Refusal} `bad_payload`
 */
export type Operate = (name: OperatorCommandName, input: JsonObject, operator: string) => Promise<object>

export function operate({ log, ...context }: OperatorContext & { log: Logger }): Operate {
  return async (name, input, operator) => {
    const own = OPERATORS[name]
    const fields = await own.run(parseInput(own.input, input), context)
    log.warn({ operator, ...fields }, own.answer)
    return fields
  }
}
