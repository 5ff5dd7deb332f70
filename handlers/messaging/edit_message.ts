import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { messageBook, nameFor } from './message-book.ts'
import { content, message_edited, message_updated, messageId } from './message-events.ts'

/** Puts another content in the place of one's own message. Its place and its hash in the chain stay. */
export default command({
  input: z.object({ message_id: messageId, ...content }),
  events: { message_updated, message_edited },
  uses: { messages: messageBook },

  async run({ message_id, ...content }, { from: { user }, messages, command }) {
    if ((content.body === undefined) === (content.ciphertext === undefined)) {
      throw refuse('bad_payload', { body: 'either body or ciphertext, and not both' })
    }
    const { message, at, hearers } = await messages.edit(user, message_id, content, command)
    const edited = { message_id, seq: message.seq, ...content, edited_at: at }
    return {
      reply: message_updated({ ...edited, ...nameFor(user, message) }),
      notify: hearers.length > 0 ? [[hearers, message_edited({ ...edited, ...nameFor(hearers[0]!, message) })]] : [],
    }
  },
})
