import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { presenceBetween, user_offline } from '../../shared/people/presence.ts'
import { contactBook } from './contact-book.ts'
import { block_list } from './contact-events.ts'
import { FIRST_PAGE } from './list-page.ts'

/** Silences another user, who does not find out: what he does changes what he sees, and reaches nobody. */
export default command({
  input: z.object({ user_id: userId }),
  events: { block_list, user_offline },
  uses: { contacts: contactBook, presence: presenceBetween },

  async run({ user_id }, { from, contacts, presence, command }) {
    if (user_id === from.user) throw refuse('bad_payload', { user_id: 'is yourself' })

    const isNew = await contacts.block(from.user, user_id, command)
    const saw = isNew && (await presence.wouldSee(from.user, user_id))
    const parted = saw ? await presence.part(from.user, user_id) : []
    return { reply: block_list(await contacts.blocked(from.user, FIRST_PAGE)), notify: parted }
  },
})
