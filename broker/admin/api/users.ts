import { z } from 'zod'
import { userIdField } from '../../../shared/wire/user-id.ts'
import type { Operate, OperatorCommandName } from '../../core/commands/operator.ts'
import type { Look } from '../../core/look.ts'
import { CONSOLE } from '../../seam/authority.ts'
import { route, type Route } from './route.ts'

/** A user's sessions, inbox and queue, and the operators' commands about them, which devices of operators send by MQTT. */
export function userRoutes({ look, operate }: { look: Look; operate: Operate }): Route[] {
  const acts = (path: string, command: OperatorCommandName): Route =>
    route({
      method: 'POST',
      path,
      right: command,
      input: z.looseObject({}),
      run: (fields, { token }) => operate(command, fields, token.user),
    })
  return [
    route({
      method: 'GET',
      path: '/api/users/:user',
      right: CONSOLE,
      input: z.strictObject({ user: userIdField }),
      run: ({ user }) => look.user(user),
    }),
    acts('/api/users/:user_id/kick', 'kick_user'),
    acts('/api/users/:user_id/ban', 'ban_user'),
    acts('/api/users/:user_id/unban', 'unban_user'),
    acts('/api/tokens/revoke', 'revoke_token'),
  ]
}
