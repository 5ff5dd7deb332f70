import { z } from 'zod'
import { groupId } from '../shared/group-events.ts'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { messageBook, shown } from './message-book.ts'
import { messages, seq } from './message-events.ts'
import { targetIn } from './rooms-of.ts'

/** Reads a page of a conversation with a user or in a group: the latest messages, or those before or after a `seq`. */
export default command({
  input: z.object({
    with: userId.optional(),
    group_id: groupId.optional(),
    before: seq.optional(),
    after: z.int().min(0).optional(),
    limit: z.int().min(1).max(50).default(20),
  }),
  events: { messages },
  uses: { book: messageBook },
  replyTo: 'client',
  ordered: false,

  async run({ with: other, group_id, ...at }, { from: { user }, book }) {
    if (at.before !== undefined && at.after !== undefined) {
      throw refuse('bad_payload', { after: 'give either before or after, not both' })
    }
    const page = await book.page(user, targetIn(other, group_id, 'with'), at)
    const found = page.messages.map((message) => shown(user, message))
    return { reply: messages({ with: other, group_id, messages: found, more: page.more }) }
  },
})
