import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { messageBook, nameFor } from './message-book.ts'
import {
  message_deleted,
  message_edited,
  message_received,
  message_removed,
  message_sent,
  message_updated,
  messageId,
} from './message-events.ts'

/** The events that hold a message's content or hash. */
const REVEALING = { message_sent, message_received, message_updated, message_edited }

/** Deletes the content and hash of the caller's own message, for everyone and from all inboxes. Its place stays. */
export default command({
  input: z.object({ message_id: messageId }),
  events: { message_removed, message_deleted, ...REVEALING },
  uses: { messages: messageBook },

  async run({ message_id }, { from: { user }, messages, command }) {
    const { message, at, hearers } = await messages.remove(user, message_id, command)
    const removed = { message_id, seq: message.seq, deleted_at: at }
    return {
      reply: message_removed({ ...removed, ...nameFor(user, message) }),
      notify: hearers.length > 0 ? [[hearers, message_deleted({ ...removed, ...nameFor(hearers[0]!, message) })]] : [],
      forget: [{ events: Object.values(REVEALING), field: 'message_id', value: message_id }],
    }
  },
})
