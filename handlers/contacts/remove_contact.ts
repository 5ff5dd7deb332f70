import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { presenceBetween, user_offline } from '../../shared/people/presence.ts'
import { contactBook } from './contact-book.ts'
import { contact_removed, contact_updated } from './contact-events.ts'

/** Ends a contact, for both sides. */
export default command({
  input: z.object({ user_id: userId }),
  events: { contact_updated, contact_removed, user_offline },
  uses: { contacts: contactBook, presence: presenceBetween },

  async run({ user_id }, { from, contacts, presence, command }) {
    if (user_id === from.user) throw refuse('bad_payload', { user_id: 'is yourself' })
    const reply = contact_updated({ user_id, state: 'none' })

    switch (await contacts.remove(from.user, user_id, command)) {
      case 'removed':
        return {
          reply,
          notify: [[user_id, contact_removed({ user_id: from.user })], ...(await presence.part(from.user, user_id))],
        }
      case 'none': // so before, or unheard by one who blocks him
        return { reply }
      case 'absent':
        throw refuse('not_found')
    }
  },
})
