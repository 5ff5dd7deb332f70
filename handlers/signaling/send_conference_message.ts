import { z } from 'zod'
import { idFrom } from '../shared/message-chain.ts'
import { command } from '../../shared/runtime/command.ts'
import { conferenceBook } from './conference-book.ts'
import { conference_message, conference_message_sent } from './conference-events.ts'
import { conferenceId } from './signal-events.ts'

/** Sends a text message to everyone in a conference. It is not stored. */
export default command({
  input: z.object({ conference_id: conferenceId, body: z.string().min(1).max(4_000) }),
  events: { conference_message_sent, conference_message },
  uses: { conferences: conferenceBook },

  async run({ conference_id, body }, { from: { user }, conferences, command }) {
    const hearing = await conferences.hearing(user, conference_id)
    const message_id = idFrom(command.id)
    const said = { conference_id, message_id, user_id: user, body, sent_at: command.at.toISOString() }
    return {
      reply: conference_message_sent({ conference_id, message_id }),
      notify: [[hearing, conference_message(said)]],
    }
  },
})
