import { z } from 'zod'
import { groupId } from '../shared/group-events.ts'
import { command, userId } from '../../shared/runtime/command.ts'
import { message_read, receipt_recorded, seq } from './message-events.ts'
import { receiptBook } from './receipt-book.ts'
import { targetIn } from './rooms-of.ts'

/** Marks a conversation as read up to a `seq`, which only grows. */
export default command({
  input: z.object({ with: userId.optional(), group_id: groupId.optional(), up_to: seq }),
  events: { receipt_recorded, message_read },
  uses: { receipts: receiptBook },

  async run({ with: other, group_id, up_to }, { from, receipts, command }) {
    const authors = await receipts.read(from.user, targetIn(other, group_id, 'with'), up_to, command)
    const reply = receipt_recorded({ with: other, group_id, up_to })
    return { reply, notify: [[authors, message_read({ by: from.user, group_id, up_to })]] }
  },
})
