// Names that handlers must not use. A handler for one of the broker's commands would never be reached, and a handler's event
// under one of the broker's names could pass for the broker's.

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

/** The events that the broker alone causes, and `events`, the topic of all events. */
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

/** What the client tells apps by the same `on` as the platform's events: an event of that name could not be told from it. */
export const CLIENT_EVENTS = ['reset', 'state', 'waiting', 'uncertain', 'fault'] as const

/** The folder of `handlers/` that holds what several groups share. It is no group. */
export const SHARED_FOLDER = 'shared'
/** `broker` is the name of a process, `session` the group of the broker's own commands. */
const RESERVED_GROUPS = ['broker', 'session', SHARED_FOLDER]
/** A name that fits into a key's login, a client id up to its first dot, and a setting. */
const GROUP = /^[a-z][a-z0-9-]{0,63}$/

export function isBrokerCommand(command: string): boolean {
  return (BROKER_COMMANDS as readonly string[]).includes(command)
}

export function isBrokerEvent(event: string): boolean {
  return (BROKER_EVENTS as readonly string[]).includes(event)
}

/** Why a group cannot have this name; undefined when it can. */
export function faultOfGroup(name: string): string | undefined {
  if (!GROUP.test(name)) {
    return `a group's name must be 1 to 64 lower-case letters, digits and hyphens, beginning with a letter: not ${name}`
  }
  return RESERVED_GROUPS.includes(name) ? `the group name ${name} is reserved; choose another name` : undefined
}

/** Why no handler can have this command; undefined when one can. */
export function faultOfCommand(name: string): string | undefined {
  if (isBrokerCommand(name)) return `the broker answers ${name} itself; choose another name for the command`
  return isBrokerEvent(name) ? `${name} is an event of the broker's; choose another name for the command` : undefined
}

/** Why no handler may cause this event; undefined when one may. */
export function faultOfEvent(name: string): string | undefined {
  if (isBrokerEvent(name)) return `the event ${name} is the broker's own; choose another name`
  return (CLIENT_EVENTS as readonly string[]).includes(name)
    ? `${name} is what the client tells apps of itself; choose another name for the event`
    : undefined
}
