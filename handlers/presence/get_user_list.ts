import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { presenceBook } from './presence-book.ts'
import { user_list } from './presence-events.ts'

/** Lists the users who are online, as far as the caller may see them. */
export default command({
  input: z.object({ cursor: userId.optional(), limit: z.int().min(1).max(100).default(50) }),
  events: { user_list },
  uses: { presence: presenceBook },
  replyTo: 'client',
  ordered: false,

  async run({ cursor, limit }, { from, presence }) {
    return { reply: user_list(await presence.active(from.user, cursor, limit)) }
  },
})
