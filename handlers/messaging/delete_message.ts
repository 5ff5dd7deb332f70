import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { messageBook, otherOf } from './message-book.ts'
import { message_deleted, message_removed, messageId } from './message-events.ts'

/** Takes away the content of one's own message, for both. Its place stays. */
export default command({
  input: z.object({ message_id: messageId }),
  events: { message_removed, message_deleted },
  uses: { messages: messageBook },

  async run({ message_id }, { from, messages, command }) {
    const { message, at } = await messages.remove(from.user, message_id, command)
    const other = otherOf(from.user, message)
    const hears = !message.unheard && (await messages.mayTell(from.user, other))
    const removed = { message_id, seq: message.seq, deleted_at: at }
    return {
      reply: message_removed({ ...removed, with: other }),
      notify: hears ? [[other, message_deleted({ ...removed, with: from.user })]] : [],
    }
  },
})
