import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { conferenceBook } from './conference-book.ts'
import { givenUp, participant_left } from './conference-events.ts'
import { conferenceId } from './signal-events.ts'

/** A participant whose connection had gone has not come back. */
export default command({
  input: z.object({ conference_id: conferenceId, since: z.string() }),
  events: { participant_left },
  uses: { conferences: conferenceBook },
  internal: 'later',

  async run({ conference_id, since }, { from: { user }, conferences, command }) {
    const outcome = await conferences.expire(user, conference_id, since, command)
    return outcome?.what === 'left' ? { notify: givenUp(user, outcome, 'gone') } : {}
  },
})
