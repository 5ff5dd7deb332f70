import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { refuseSelf } from '../shared/refuse-self.ts'
import { presenceBetween, user_offline } from '../shared/presence-state.ts'
import { contactBook } from './contact-book.ts'
import { contact_removed, contact_updated } from './contact-events.ts'

/** Removes a contact, for both sides. */
export default command({
  input: z.object({ user_id: userId }),
  events: { contact_updated, contact_removed, user_offline },
  uses: { contacts: contactBook, presence: presenceBetween },

  async run({ user_id }, { from, contacts, presence, command }) {
    refuseSelf({ user_id }, from.user)
    const reply = contact_updated({ user_id, state: 'none' })

    switch (await contacts.remove(from.user, user_id, command)) {
      case 'removed':
        return {
          reply,
          notify: [[user_id, contact_removed({ user_id: from.user })], ...(await presence.part(from.user, user_id))],
        }
      case 'none': // already removed, or the other blocks the caller and must not hear of it
        return { reply }
      case 'absent':
        throw refuse('not_found')
    }
  },
})
