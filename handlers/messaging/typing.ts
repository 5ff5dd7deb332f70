import { z } from 'zod'
import { groupId } from '../shared/group-events.ts'
import { command, userId } from '../../shared/runtime/command.ts'
import { messageBook } from './message-book.ts'
import { user_typing } from './message-events.ts'
import { targetIn } from './rooms-of.ts'

/** Shows a user, or a group of up to a hundred others, that the caller is typing. At QoS 0 it is never stored. */
export default command({
  input: z.object({ to: userId.optional(), group_id: groupId.optional() }),
  events: { user_typing },
  uses: { messages: messageBook },
  replyTo: 'nobody',
  ordered: false,
  attempts: 1,

  async run({ to, group_id }, { from, messages }) {
    const seeing = await messages.seeTyping(from.user, targetIn(to, group_id, 'to'))
    return { notify: [[seeing, user_typing({ user_id: from.user, group_id })]] }
  },
})
