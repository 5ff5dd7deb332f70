import { shownOf, user_offline, user_online } from '../shared/presence-state.ts'
import type { Heard, presenceBook } from './presence-book.ts'
import { user_status } from './presence-events.ts'

type State = Awaited<ReturnType<ReturnType<typeof presenceBook>['connected']>>['state']

/** The event that tells those who may see a user of a change; undefined when there is nothing to tell. */
export function newsOf(state: State, heard: Heard) {
  const shown = shownOf(state)
  const { _id: user_id, last_seen, shows_last_seen, status } = state
  switch (heard) {
    case 'online':
      return shown && user_online(shown)
    case 'status':
      return shown && user_status(shown)
    case 'offline': // an invisible user has no `last_seen`: they are still online
      return user_offline({ user_id, ...(shows_last_seen && status !== 'invisible' && last_seen && { last_seen }) })
    case 'nothing':
      return undefined
  }
}
