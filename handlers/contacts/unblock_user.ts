import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuseSelf } from '../shared/refuse-self.ts'
import { presenceBetween, user_online } from '../shared/presence-state.ts'
import { contactBook } from './contact-book.ts'
import { block_list } from './contact-events.ts'
import { FIRST_PAGE } from './list-page.ts'

/** Ends a block. The other is listed in their current state; events withheld from the caller meanwhile are not sent later. */
export default command({
  input: z.object({ user_id: userId }),
  events: { block_list, user_online },
  uses: { contacts: contactBook, presence: presenceBetween },

  async run({ user_id }, { from, contacts, presence, command }) {
    refuseSelf({ user_id }, from.user)

    const met = (await contacts.unblock(from.user, user_id, command)) ? await presence.meet(from.user, user_id) : []
    return { reply: block_list(await contacts.blocked(from.user, FIRST_PAGE)), notify: met }
  },
})
