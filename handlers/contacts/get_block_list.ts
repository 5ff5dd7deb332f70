import { command } from '../../shared/runtime/command.ts'
import { contactBook } from './contact-book.ts'
import { block_list } from './contact-events.ts'
import { listPage } from './list-page.ts'

/** Lists the users whom the caller blocks. */
export default command({
  input: listPage,
  events: { block_list },
  uses: { contacts: contactBook },
  replyTo: 'client',

  async run(page, { from, contacts }) {
    return { reply: block_list(await contacts.blocked(from.user, page)) }
  },
})
