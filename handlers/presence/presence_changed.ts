import { z } from 'zod'
import { user_offline, user_online } from '../shared/presence-state.ts'
import { command } from '../../shared/runtime/command.ts'
import { presenceBook } from './presence-book.ts'
import { newsOf } from './presence-effects.ts'
import { user_status } from './presence-events.ts'

/** The user's first connection has opened, or the last one has closed for good. Only the broker sends this. */
export default command({
  internal: 'presence',
  input: z.object({ online: z.boolean() }),
  events: { user_online, user_offline, user_status },
  uses: { presence: presenceBook },

  async run({ online }, { from, presence, command }) {
    const { state, heard } = await presence.connected(from.user, online, command)
    const news = newsOf(state, heard)
    return news ? { notify: [[await presence.watchers(from.user), news]] } : {}
  },
})
