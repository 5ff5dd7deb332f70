import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { refuseSelf } from '../shared/refuse-self.ts'
import { presenceBetween, user_online } from '../shared/presence-state.ts'
import { contactBook } from './contact-book.ts'
import { contact_added, contact_approved } from './contact-events.ts'

/** Accepts another user's contact request: the two become contacts. */
export default command({
  input: z.object({ user_id: userId }),
  events: { contact_added, contact_approved, user_online },
  uses: { contacts: contactBook, presence: presenceBetween },

  async run({ user_id }, { from, contacts, presence, command }) {
    refuseSelf({ user_id }, from.user)

    switch (await contacts.accept(from.user, user_id, command)) {
      case 'accepted':
        return {
          reply: contact_added({ user_id }),
          notify: [[user_id, contact_approved({ user_id: from.user })], ...(await presence.meet(from.user, user_id))],
        }
      case 'contact': // already contacts, or the other blocks the caller and must not hear of it
        return { reply: contact_added({ user_id }) }
      case 'absent':
        throw refuse('not_found')
    }
  },
})
