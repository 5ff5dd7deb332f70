import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { messageBook } from './message-book.ts'
import { message_read, receipt_recorded, seq } from './message-events.ts'

/** Says how far the caller has read what another wrote. It only grows. */
export default command({
  input: z.object({ with: userId, up_to: seq }),
  events: { receipt_recorded, message_read },
  uses: { messages: messageBook },

  async run({ with: other, up_to }, { from, messages, command }) {
    const isNews = (await messages.read(from.user, other, up_to, command)) && (await messages.mayTell(from.user, other))
    const reply = receipt_recorded({ with: other, up_to })
    return isNews ? { reply, notify: [[other, message_read({ by: from.user, up_to })]] } : { reply }
  },
})
