import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { message_delivered, messageId, receipt_recorded } from './message-events.ts'
import { receiptBook } from './receipt-book.ts'

/** Acknowledges that messages have arrived. Their senders hear of it once, and only from the receiver. */
export default command({
  input: z.object({ message_ids: z.array(messageId).min(1).max(100) }),
  events: { receipt_recorded, message_delivered },
  uses: { receipts: receiptBook },

  async run({ message_ids }, { from, receipts, command }) {
    const { mine, news } = await receipts.acknowledge(from.user, message_ids, command)
    return {
      reply: receipt_recorded({ message_ids: mine }),
      notify: [...news].map(
        ([sender, ids]) => [sender, message_delivered({ by: from.user, message_ids: ids })] as const,
      ),
    }
  },
})
