import { ALL_EVENTS, isCommandName, isWord } from '../shared/wire/topic.ts'
import type { HandlerSession, Session } from './session.ts'

// Who may do what with a topic. What no row allows is denied.
//
//            PUBLISH                          SUBSCRIBE
//   device   a command                        its own events
//   handler  an event its key may publish     a command its key may take

/** May it SUBSCRIBE to this filter, and what does it mean? A filter with a wildcard or a slash is neither word nor event. */
export function maySubscribe(session: Session, filter: string): 'receive' | 'consume' | 'deny' {
  if (session.kind === 'device') return mayReceive(session, filter) ? 'receive' : 'deny'
  return isCommandName(filter) && mayTake(session, filter) ? 'consume' : 'deny'
}

/** May a message of this topic go to this session? A handler gets commands from the dispatcher and nothing by topic. */
export function mayReceive(session: Session, topic: string): boolean {
  if (session.kind === 'handler') return false
  const own = `${session.user}_`
  return topic.startsWith(own) && isWord(topic.slice(own.length))
}

export function mayTake({ rights }: HandlerSession, command: string): boolean {
  return rights === 'all' || rights.commands.has(command)
}

export function mayCause({ rights }: HandlerSession, event: string): boolean {
  return event !== ALL_EVENTS && (rights === 'all' || rights.events.has(event))
}
