import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { conferenceBook } from './conference-book.ts'
import { participant_expired, participant_joined, participant_resumed, taken } from './conference-events.ts'
import { RESUME_MS } from './conference-state.ts'

/** A user has gone offline or come online. Their seats in conferences are kept for a minute. */
export default command({
  input: z.object({ online: z.boolean() }),
  events: { participant_joined, participant_resumed },
  uses: { conferences: conferenceBook },
  later: { participant_expired },
  internal: 'presence',

  async run({ online }, { from: { user }, conferences, command }) {
    const outcomes = await conferences.present(user, online, command)
    if (online) return { notify: outcomes.flatMap((outcome) => taken(user, outcome)) }
    if (outcomes.length === 0) return {}
    const conference_id = outcomes.map(({ conference }) => conference._id)
    return { later: [[RESUME_MS, participant_expired({ conference_id, since: command.id })]] }
  },
})
