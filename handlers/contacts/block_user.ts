import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { contactBook } from './contact-book.ts'
import { block_list } from './contact-events.ts'
import { FIRST_PAGE } from './list-page.ts'

/** Silences another user, who does not find out: what he does changes what he sees, and reaches nobody. */
export default command({
  input: z.object({ user_id: userId }),
  events: { block_list },
  uses: { contacts: contactBook },

  async run({ user_id }, { from, contacts, command }) {
    if (user_id === from.user) throw refuse('bad_payload', { user_id: 'is yourself' })

    await contacts.block(from.user, user_id, command)
    return { reply: block_list(await contacts.blocked(from.user, FIRST_PAGE)) }
  },
})
