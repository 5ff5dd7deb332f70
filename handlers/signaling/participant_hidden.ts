import { command } from '../../shared/runtime/command.ts'
import { conferenceBook, RESUME_MS } from './conference-book.ts'
import { participant_hidden, participant_left } from './conference-events.ts'

/** Two have been hidden from each other by a block, each away to the other. As one whose connection had gone, they have not come back. */
export default command({
  input: participant_hidden.input,
  events: { participant_left },
  uses: { conferences: conferenceBook },
  later: { participant_hidden },
  internal: 'later',

  async run({ conference_id, since }, { conferences, command }) {
    const { gone, isEarly } = await conferences.fade(conference_id, since, command)
    // The broker sends it at once when all whom a signal was for are offline.
    if (isEarly) return { later: [[RESUME_MS, participant_hidden({ conference_id, since })]] }
    const tell = ({ user: user_id, id: participant_id }: (typeof gone)[number]) =>
      participant_left({ conference_id, user_id, participant_id, reason: 'gone' })
    return { notify: gone.map((shadow) => [shadow.to, tell(shadow)]) }
  },
})
