import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { refuseSelf } from '../shared/refuse-self.ts'
import { contactBook } from './contact-book.ts'
import { contact_rejected, contact_updated } from './contact-events.ts'

/** Declines another user's contact request. They may ask again. */
export default command({
  input: z.object({ user_id: userId }),
  events: { contact_updated, contact_rejected },
  uses: { contacts: contactBook },

  async run({ user_id }, { from, contacts, command }) {
    refuseSelf({ user_id }, from.user)
    const reply = contact_updated({ user_id, state: 'none' })

    switch (await contacts.reject(from.user, user_id, command)) {
      case 'rejected':
        return { reply, notify: [[user_id, contact_rejected({ user_id: from.user })]] }
      case 'none': // already declined, or the other blocks the caller and must not hear of it
        return { reply }
      case 'absent':
        throw refuse('not_found')
    }
  },
})
