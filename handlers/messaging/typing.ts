import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { messageBook } from './message-book.ts'
import { user_typing } from './message-events.ts'

/** Shows another that one is writing to him. Sent with QoS 0 it is never stored. */
export default command({
  input: z.object({ to: userId }),
  events: { user_typing },
  uses: { messages: messageBook },
  ordered: false,
  attempts: 1,

  async run({ to }, { from, messages }) {
    const { isBlocked } = await messages.approach(from.user, to)
    return isBlocked ? {} : { notify: [[to, user_typing({ user_id: from.user })]] }
  },
})
