import { command } from '../../shared/runtime/command.ts'
import { contactBook } from './contact-book.ts'
import { contact_list } from './contact-events.ts'
import { listPage } from './list-page.ts'

/** Lists the caller's contacts and pending requests, without users whom they block. */
export default command({
  input: listPage,
  events: { contact_list },
  uses: { contacts: contactBook },
  replyTo: 'client',

  async run(page, { from, contacts }) {
    return { reply: contact_list(await contacts.contacts(from.user, page)) }
  },
})
