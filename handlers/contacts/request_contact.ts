import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { refuseSelf } from '../shared/refuse-self.ts'
import { presenceBetween, user_online } from '../shared/presence-state.ts'
import { contactBook } from './contact-book.ts'
import { contact_added, contact_approved, contact_request_sent, contact_requested, note } from './contact-events.ts'

/** Asks another user to become a contact. When two users ask each other, both become contacts at once. */
export default command({
  input: z.object({ user_id: userId, note: note.optional() }),
  events: { contact_request_sent, contact_requested, contact_added, contact_approved, user_online },
  replies: ['contact_request_sent', 'contact_added'],
  uses: { contacts: contactBook, presence: presenceBetween },

  async run({ user_id, note }, { from, contacts, presence, command }) {
    refuseSelf({ user_id }, from.user)

    switch (await contacts.request(from.user, user_id, note, command)) {
      case 'asked':
        return {
          reply: contact_request_sent({ user_id }),
          notify: [[user_id, contact_requested({ user_id: from.user, note })]],
        }
      case 'requested': // already asked, or the other blocks the caller, who must not be able to tell which
        return { reply: contact_request_sent({ user_id }) }
      case 'accepted': // the other had already asked the caller
        return {
          reply: contact_added({ user_id }),
          notify: [[user_id, contact_approved({ user_id: from.user })], ...(await presence.meet(from.user, user_id))],
        }
      case 'contact':
        return { reply: contact_added({ user_id }) }
      case 'blocking':
        throw refuse('conflict', { user_id: 'is blocked by you' })
    }
  },
})
