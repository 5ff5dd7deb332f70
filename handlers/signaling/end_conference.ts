import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { conferenceBook } from './conference-book.ts'
import { conference_ended } from './conference-events.ts'
import { conferenceId } from './signal-events.ts'

/** Ends a conference for everyone; only for its creator. */
export default command({
  input: z.object({ conference_id: conferenceId }),
  events: { conference_ended },
  uses: { conferences: conferenceBook },

  async run({ conference_id }, { from: { user }, conferences, command }) {
    const { among } = await conferences.end(user, conference_id, command)
    const ended = conference_ended({ conference_id, by: user })
    return { reply: ended, notify: [[among.map((one) => one.user).filter((one) => one !== user), ended]] }
  },
})
