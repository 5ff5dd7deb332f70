import { command } from '../../shared/runtime/command.ts'
import { conferenceBook } from './conference-book.ts'
import { givenUp, participant_expired, participant_left } from './conference-events.ts'

/** A participant whose connection had gone has not come back. */
export default command({
  input: participant_expired.input,
  events: { participant_left },
  uses: { conferences: conferenceBook },
  internal: 'later',

  async run({ conference_id, since }, { from: { user }, conferences, command }) {
    const outcome = await conferences.expire(user, conference_id, since, command)
    return outcome?.what === 'left' ? { notify: givenUp(user, outcome, 'gone') } : {}
  },
})
