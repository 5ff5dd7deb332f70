import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { messageBook } from './message-book.ts'
import { message_delivered, messageId, receipt_recorded } from './message-events.ts'

/** Says that messages have arrived: on the receiver's word alone their senders hear of it, once. */
export default command({
  input: z.object({ message_ids: z.array(messageId).min(1).max(100) }),
  events: { receipt_recorded, message_delivered },
  uses: { messages: messageBook },

  async run({ message_ids }, { from, messages, command }) {
    const { mine, news } = await messages.acknowledge(from.user, message_ids, command)
    return {
      reply: receipt_recorded({ message_ids: mine }),
      notify: [...news].map(
        ([sender, ids]) => [sender, message_delivered({ by: from.user, message_ids: ids })] as const,
      ),
    }
  },
})
