import { z } from 'zod'
import { user_offline, user_online } from '../../shared/people/presence.ts'
import { command } from '../../shared/runtime/command.ts'
import { presenceBook } from './presence-book.ts'
import { newsOf } from './presence-effects.ts'
import { status, status_set, statusText, user_status } from './presence-events.ts'

/** Says how one is there; `invisible` looks like being away. `last_seen: false` keeps to oneself when one was there last. */
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
