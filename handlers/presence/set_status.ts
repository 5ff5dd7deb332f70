import { z } from 'zod'
import { user_offline, user_online } from '../shared/presence-state.ts'
import { command } from '../../shared/runtime/command.ts'
import { presenceBook } from './presence-book.ts'
import { newsOf } from './presence-effects.ts'
import { status, status_set, statusText, user_status } from './presence-events.ts'

/** Sets the caller's status. `invisible` looks like being offline. `last_seen: false` hides when the caller was last online. */
export default command({
  input: z.object({ status, text: statusText.optional(), last_seen: z.boolean().optional() }),
  events: { status_set, user_online, user_offline, user_status },
  uses: { presence: presenceBook },

  async run({ status, text, last_seen }, { from, presence, command }) {
    const said = {
      status,
      ...(text && { text }),
      ...(last_seen !== undefined && { shows_last_seen: last_seen }),
    }
    const { state, heard } = await presence.setStatus(from.user, said, command)
    const news = newsOf(state, heard)
    const reply = status_set({ status, ...(text && { text }) })
    return news ? { reply, notify: [[await presence.watchers(from.user), news]] } : { reply }
  },
})
