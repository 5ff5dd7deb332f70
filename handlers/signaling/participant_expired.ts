import { command } from '../../shared/runtime/command.ts'
import { conferenceBook } from './conference-book.ts'
import { givenUp, participant_expired, participant_left } from './conference-events.ts'
import { type Outcome } from './conference-state.ts'

/** A user whose connection was lost has not come back in time: they lose their seats in these conferences. */
export default command({
  input: participant_expired.input,
  events: { participant_left },
  uses: { conferences: conferenceBook },
  internal: 'later',

  async run({ conference_id, since }, { from: { user }, conferences, command }) {
    const left: Outcome[] = []
    for (const id of [conference_id].flat()) {
      const outcome = await conferences.expire(user, id, since, command)
      if (outcome?.what === 'left') left.push(outcome)
    }
    return { notify: left.flatMap((outcome) => givenUp(user, outcome, 'gone')) }
  },
})
