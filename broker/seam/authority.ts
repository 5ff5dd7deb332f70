import { isBrokerCommand, isBrokerEvent } from '../../shared/wire/reserved.ts'
import { isCommandName, isWord } from '../../shared/wire/topic.ts'
import type { DeviceSession, Grants, HandlerSession, Session } from './session.ts'
import { covers, isOpenFilter, isOpenTopic } from './topic-filter.ts'

// Who may do what with a topic. What no row allows is denied. A token's acl narrows the first row and grants the last.
//
//            PUBLISH                          SUBSCRIBE
//   device   a command                        its own user's events
//   handler  an event its key may publish     a command its key may take
//   both     open topics granted to it        filters within its granted ones

/** May this session subscribe to the filter, and what kind of subscription is it? */
export function maySubscribe(session: Session, filter: string): 'receive' | 'consume' | 'open' | 'deny' {
  if (isOpenFilter(filter)) return grantsOf(session).sub.some((grant) => covers(grant, filter)) ? 'open' : 'deny'
  if (session.kind === 'device') return mayHear(session, filter) ? 'receive' : 'deny'
  return isCommandName(filter) && mayTake(session, filter) ? 'consume' : 'deny'
}

/** May the session receive messages of this topic or filter? Handlers get commands from the dispatcher, never by topic. */
export function mayReceive(session: Session, topic: string): boolean {
  if (isOpenTopic(topic) || topic === '#') return isGranted(grantsOf(session).sub, topic)
  return session.kind === 'device' && mayHear(session, topic)
}

/** May the session publish to this open topic? */
export function mayPublishOpen(session: Session, topic: string): boolean {
  return isOpenTopic(topic) && isGranted(grantsOf(session).pub, topic)
}

/** Does the token's acl leave this command to the user? */
export function maySend({ token }: Pick<DeviceSession, 'token'>, command: string): boolean {
  return token.acl?.commands === undefined || token.acl.commands.has(command)
}

/** The names that an acl which narrows an operator's commands must list to allow dead letters, and everything else that only looks. */
export const DEAD_LETTERS = 'dead_letters'
export const CONSOLE = 'console'

/** Is the topic one of the user's own events, and does the token's acl leave it to them? */
export function mayHear({ user, token }: DeviceSession, topic: string): boolean {
  const own = `${user}_`
  if (!topic.startsWith(own)) return false
  const event = topic.slice(own.length)
  return isWord(event) && (token.acl?.events === undefined || token.acl.events.has(event))
}

export function mayTake({ rights }: HandlerSession, command: string): boolean {
  return !isBrokerCommand(command) && (rights.commands === 'all' || rights.commands.has(command))
}

export function mayCause({ rights }: HandlerSession, event: string): boolean {
  return !isBrokerEvent(event) && rights.events.has(event)
}

/** Most topics cached per list of grants. */
const MAX_KNOWN = 64
const known = new WeakMap<readonly string[], Map<string, boolean>>()

/** Does one of these grants cover the topic? Cached: it is checked for every message, mostly for the same few topics. */
function isGranted(grants: readonly string[], topic: string): boolean {
  if (grants.length === 0) return false
  let topics = known.get(grants)
  if (!topics) known.set(grants, (topics = new Map()))
  let isIt = topics.get(topic)
  if (isIt === undefined) {
    if (topics.size >= MAX_KNOWN) topics.clear()
    topics.set(topic, (isIt = grants.some((grant) => covers(grant, topic))))
  }
  return isIt
}

const NOTHING: Grants = { pub: [], sub: [] }
function grantsOf(session: Session): Grants {
  return session.kind === 'device' ? (session.token.acl ?? NOTHING) : session.grants
}
