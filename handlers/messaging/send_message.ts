import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { messageBook, shown } from './message-book.ts'
import { attachment, content, hash, message_received, message_sent } from './message-events.ts'

/** Writes to another user. With `hash` the content is checked on the way, with `prev_hash` that nothing was missed before it. */
export default command({
  input: z.object({
    to: userId,
    ...content,
    hash: hash.optional(),
    prev_hash: hash.optional(),
    attachments: z.array(attachment).min(1).max(10).optional(),
  }),
  events: { message_sent, message_received },
  uses: { messages: messageBook },

  async run({ to, ...draft }, { from, messages, command }) {
    if (to === from.user) throw refuse('bad_payload', { to: 'is yourself' })
    if ((draft.body === undefined) === (draft.ciphertext === undefined)) {
      throw refuse('bad_payload', { body: 'either body or ciphertext, and not both' })
    }
    const { isBlocked } = await messages.approach(from.user, to)
    const sent = await messages.send(from.user, to, draft, command, isBlocked)
    const received = message_received(shown(sent))
    return {
      reply: message_sent({ message_id: sent._id, seq: sent.seq, to, hash: sent.hash }),
      notify: [[sent.unheard ? [from.user] : [to, from.user], received]],
    }
  },
})
