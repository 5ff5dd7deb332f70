import type { BrokerCommandName } from '../../../shared/wire/reserved.ts'
import type { BrokerCommand } from './broker-command.ts'
import { banUser, kickUser, revokeToken, unbanUser } from './operator.ts'
import { refreshSession } from './refresh-session.ts'
import { syncEvents } from './sync-events.ts'
import { whoami } from './whoami.ts'

const commands: Record<BrokerCommandName, BrokerCommand> = {
  whoami,
  refresh_session: refreshSession,
  sync_events: syncEvents,
  kick_user: kickUser,
  ban_user: banUser,
  unban_user: unbanUser,
  revoke_token: revokeToken,
}
/** The commands that the broker answers itself: the group `session` of the catalogue. */
export const OWN_COMMANDS: ReadonlyMap<string, BrokerCommand> = new Map(Object.entries(commands))
