import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuseSelf } from '../shared/refuse-self.ts'
import { presenceBetween, user_offline } from '../shared/presence-state.ts'
import { contactBook } from './contact-book.ts'
import { block_list } from './contact-events.ts'
import { FIRST_PAGE } from './list-page.ts'

/** Blocks another user without their finding out: what they do changes what they see, and never reaches the caller. */
export default command({
  input: z.object({ user_id: userId }),
  events: { block_list, user_offline },
  uses: { contacts: contactBook, presence: presenceBetween },

  async run({ user_id }, { from, contacts, presence, command }) {
    refuseSelf({ user_id }, from.user)

    const isNew = await contacts.block(from.user, user_id, command)
    const saw = isNew && (await presence.wouldSee(from.user, user_id))
    const parted = saw ? await presence.part(from.user, user_id) : []
    return { reply: block_list(await contacts.blocked(from.user, FIRST_PAGE)), notify: parted }
  },
})
