import { isUserId, type UserId } from './user-id.ts'

/** The name of a command: the topic that devices publish it to. snake_case, at most 64 characters. */
export type CommandName = string & { readonly __brand: 'CommandName' }
/** The name of an event: what follows `<user id>_` in its topic. snake_case, at most 64 characters. */
export type EventName = string

const WORD = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/
const MAX_WORD = 64

/** The event name under which a user gets all of their events. */
export const ALL_EVENTS = 'events'
/** The fields of an event that only the broker fills in. */
export const ENVELOPE = ['event', 'event_seq', 're', 'at'] as const
/** The control topic on which a handler ends a command: see `done.ts`. */
export const DONE_TOPIC = '$done'

export function isWord(text: string): boolean {
  return text.length <= MAX_WORD && WORD.test(text)
}

export function isCommandName(text: string): text is CommandName {
  return isWord(text)
}

/** @throws {TypeError} when the text is no command name */
export function commandName(text: string): CommandName {
  if (!isCommandName(text))
    throw new TypeError(`${JSON.stringify(text)} is not a command name (snake_case, at most 64 characters)`)
  return text
}

export function eventTopic(user: UserId, event: EventName): string {
  return `${user}_${event}`
}

/** Splits an event topic at its first `_`, which no user id holds; undefined for any other topic. */
export function parseEventTopic(topic: string): { user: UserId; event: EventName } | undefined {
  const { user, event } = splitEventTopic(topic)
  return isUserId(user) && isWord(event) ? { user, event } : undefined
}

/** Splits what is known to be an event topic. */
export function splitEventTopic(topic: string): { user: string; event: EventName } {
  const at = topic.indexOf('_')
  return { user: topic.slice(0, Math.max(at, 0)), event: topic.slice(at + 1) }
}
