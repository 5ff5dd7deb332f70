import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'

import { messageBook, nameFor } from './message-book.ts'
import { checkContent, content, message_edited, message_updated, messageId } from './message-events.ts'

/** Replaces the content of the caller's own message. Its place and its hash in the chain stay. */
export default command({
  input: z.object({ message_id: messageId, ...content }),
  events: { message_updated, message_edited },
  uses: { messages: messageBook },

  async run({ message_id, ...content }, { from: { user }, messages, command }) {
    checkContent(content)
    const { message, at, hearers } = await messages.edit(user, message_id, content, command)
    const edited = { message_id, seq: message.seq, ...content, edited_at: at }
    return {
      reply: message_updated({ ...edited, ...nameFor(user, message) }),
      notify: hearers.length > 0 ? [[hearers, message_edited({ ...edited, ...nameFor(hearers[0]!, message) })]] : [],
    }
  },
})
