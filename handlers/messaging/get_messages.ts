import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { messageBook, shown } from './message-book.ts'
import { messages, seq } from './message-events.ts'

/** A page of the conversation with another user: the last messages, or those before or after one of them. */
export default command({
  input: z.object({
    with: userId,
    before: seq.optional(),
    after: z.int().min(0).optional(),
    limit: z.int().min(1).max(50).default(20),
  }),
  events: { messages },
  uses: { book: messageBook },
  ordered: false,

  async run({ with: other, ...at }, { from, book }) {
    if (at.before !== undefined && at.after !== undefined) {
      throw refuse('bad_payload', { after: 'not together with before' })
    }
    const page = await book.page(from.user, other, at)
    return { reply: messages({ with: other, messages: page.messages.map(shown), more: page.more }) }
  },
})
