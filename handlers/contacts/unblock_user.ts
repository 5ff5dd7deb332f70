import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { presenceBetween, user_online } from '../../shared/people/presence.ts'
import { contactBook } from './contact-book.ts'
import { block_list } from './contact-events.ts'
import { FIRST_PAGE } from './list-page.ts'

/** Ends a block. The other is listed as he stands by now; what was kept from the caller is not sent after. */
export default command({
  input: z.object({ user_id: userId }),
  events: { block_list, user_online },
  uses: { contacts: contactBook, presence: presenceBetween },

  async run({ user_id }, { from, contacts, presence, command }) {
    if (user_id === from.user) throw refuse('bad_payload', { user_id: 'is yourself' })

    const met = (await contacts.unblock(from.user, user_id, command)) ? await presence.meet(from.user, user_id) : []
    return { reply: block_list(await contacts.blocked(from.user, FIRST_PAGE)), notify: met }
  },
})
