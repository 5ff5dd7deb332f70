import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { conferenceBook } from './conference-book.ts'
import { conference_left, givenUp, participant_left } from './conference-events.ts'
import { conferenceId } from './signal-events.ts'

/** Leaves a conference. It ends when the last participant leaves. */
export default command({
  input: z.object({ conference_id: conferenceId }),
  events: { conference_left, participant_left },
  uses: { conferences: conferenceBook },

  async run({ conference_id }, { from: { user }, conferences, command }) {
    const outcome = await conferences.leave(user, conference_id, command)
    return { reply: conference_left({ conference_id }), notify: givenUp(user, outcome, 'left') }
  },
})
