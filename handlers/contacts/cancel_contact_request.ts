import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { refuseSelf } from '../shared/refuse-self.ts'
import { contactBook } from './contact-book.ts'
import { contact_request_cancelled, contact_updated } from './contact-events.ts'

/** Cancels the caller's own pending contact request. */
export default command({
  input: z.object({ user_id: userId }),
  events: { contact_updated, contact_request_cancelled },
  uses: { contacts: contactBook },

  async run({ user_id }, { from, contacts, command }) {
    refuseSelf({ user_id }, from.user)
    const reply = contact_updated({ user_id, state: 'none' })

    switch (await contacts.cancel(from.user, user_id, command)) {
      case 'cancelled':
        return { reply, notify: [[user_id, contact_request_cancelled({ user_id: from.user })]] }
      case 'none': // already cancelled, or the other blocks the caller and must not hear of it
        return { reply }
      case 'absent':
        throw refuse('not_found')
    }
  },
})
