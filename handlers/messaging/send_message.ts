import { z } from 'zod'
import { groupId } from '../shared/group-events.ts'
import { command, userId } from '../../shared/runtime/command.ts'

import { refuseSelf } from '../shared/refuse-self.ts'
import { messageBook, shown } from './message-book.ts'
import { attachment, checkContent, content, hash, message_received, message_sent } from './message-events.ts'
import { targetIn } from './rooms-of.ts'

/** Sends a message to a user or a group. `hash` checks the content; `prev_hash` checks that the sender has seen the last message. */
export default command({
  input: z.object({
    to: userId.optional(),
    group_id: groupId.optional(),
    ...content,
    hash: hash.optional(),
    prev_hash: hash.optional(),
    attachments: z.array(attachment).min(1).max(10).optional(),
  }),
  events: { message_sent, message_received },
  uses: { messages: messageBook },

  async run({ to, group_id, ...letter }, { from: { user }, messages, command }) {
    refuseSelf({ to }, user)
    checkContent(letter)
    const { sent, others } = await messages.send(user, targetIn(to, group_id, 'to'), letter, command)
    const reply = message_sent({ message_id: sent._id, seq: sent.seq, to, group_id, hash: sent.hash })
    const hearers = sent.unheard ? [user] : [...others, user]
    // All get the same event, unless the two users have different views of the chain.
    if (!sent.views) return { reply, notify: [[hearers, message_received(shown(user, sent))]] }
    return { reply, notify: hearers.map((one) => [one, message_received(shown(one, sent))] as const) }
  },
})
