import { z } from 'zod'
import { user_offline, user_online } from '../../shared/people/presence.ts'
import { command } from '../../shared/runtime/command.ts'
import { presenceBook } from './presence-book.ts'
import { newsOf } from './presence-effects.ts'
import { user_status } from './presence-events.ts'

/** The first of a user's connections has come, or the last is gone for good. The broker says so, and nobody else. */
export default command({
  internal: 'presence',
  input: z.object({ online: z.boolean() }),
  events: { user_online, user_offline, user_status },
  uses: { presence: presenceBook },

  async run({ online }, { from, presence, command }) {
    const { state, heard } = await presence.connected(from.user, online, command.at, command)
    const news = newsOf(state, heard)
    return news ? { notify: [[await presence.watchers(from.user), news]] } : {}
  },
})
