// Names that are the broker's own. A handler of such a name would never be reached, and its events could pass for the broker's.

/** The commands that the broker answers itself. */
export const BROKER_COMMANDS = [
  'whoami',
  'refresh_session',
  'sync_events',
  'kick_user',
  'ban_user',
  'unban_user',
  'revoke_token',
] as const
export type BrokerCommandName = (typeof BROKER_COMMANDS)[number]

/** The events that it alone causes, and `events`, the topic of all events. */
export const BROKER_EVENTS = [
  'events',
  'command_rejected',
  'command_failed',
  'command_queued',
  'session_expiring',
  'session_info',
  'session_refreshed',
  'events_synced',
  'user_kicked',
  'user_banned',
  'user_unbanned',
  'token_revoked',
] as const
export type BrokerEventName = (typeof BROKER_EVENTS)[number]

/** `broker` is a process of that name, `session` the group of the broker's own commands. */
const GROUPS = ['broker', 'session']
/** What a key's login, a client id up to its first dot and a setting can all name. */
const GROUP = /^[a-z][a-z0-9-]{0,63}$/

export function isBrokerCommand(command: string): boolean {
  return (BROKER_COMMANDS as readonly string[]).includes(command)
}

export function isBrokerEvent(event: string): boolean {
  return (BROKER_EVENTS as readonly string[]).includes(event)
}

/** Why a folder of `handlers/` cannot be a group by this name, if so. */
export function faultOfGroup(name: string): string | undefined {
  if (!GROUP.test(name)) return `a group's name is lower case letters, digits and hyphens, at most 64: not ${name}`
  return GROUPS.includes(name) ? `the group ${name} is the broker's own; choose another name` : undefined
}

/** Why no handler can take this command, if so. */
export function faultOfCommand(name: string): string | undefined {
  return isBrokerCommand(name) ? `the broker answers ${name} itself; choose another name for the command` : undefined
}

/** Why no handler may cause this event, if so. */
export function faultOfEvent(name: string): string | undefined {
  return isBrokerEvent(name) ? `the event ${name} is the broker's own; choose another name` : undefined
}
