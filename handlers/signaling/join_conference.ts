import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { conferenceBook } from './conference-book.ts'
import {
  conference_joined,
  nameOf,
  participant_hidden,
  participant_joined,
  participant_resumed,
  seatsFor,
  taken,
  token,
} from './conference-events.ts'
import { hasHidden } from './shadow-seats.ts'
import { conferenceId } from './signal-events.ts'
import { RESUME_MS, seatOf } from './conference-state.ts'

/** Joins a conference by its token. A participant who comes back gets their old seat. */
export default command({
  input: z.object({ conference_id: conferenceId, token }),
  events: { conference_joined, participant_joined, participant_resumed },
  uses: { conferences: conferenceBook },
  later: { participant_hidden },

  async run({ conference_id, token }, { from: { user }, conferences, command }) {
    const outcome = await conferences.join(user, conference_id, token, command)
    const { conference, what, among } = outcome
    return {
      reply: conference_joined({
        ...nameOf(conference),
        participant_id: seatOf({ participants: among }, user)!.id,
        resumed: what === 'resumed',
        participants: seatsFor(user, outcome),
      }),
      notify: taken(user, outcome),
      later: hasHidden(conference.shadows, command)
        ? [[RESUME_MS, participant_hidden({ conference_id, since: command.id })]]
        : [],
    }
  },
})
