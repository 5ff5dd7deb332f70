import { command } from '../../shared/runtime/command.ts'
import { conferenceBook } from './conference-book.ts'
import { participant_hidden, participant_left } from './conference-events.ts'
import { RESUME_MS } from './conference-state.ts'

/** Two participants have looked away to each other because of a block: now each looks gone, as after a lost connection. */
export default command({
  input: participant_hidden.input,
  events: { participant_left },
  uses: { conferences: conferenceBook },
  later: { participant_hidden },
  internal: 'later',

  async run({ conference_id, since }, { conferences, command }) {
    const { gone, isEarly } = await conferences.fade(conference_id, since, command)
    // The broker sends this command at once when everyone whom a signal was for is offline.
    if (isEarly) return { later: [[RESUME_MS, participant_hidden({ conference_id, since })]] }
    const tell = ({ user: user_id, id: participant_id }: (typeof gone)[number]) =>
      participant_left({ conference_id, user_id, participant_id, reason: 'gone' })
    return { notify: gone.map((shadow) => [shadow.to, tell(shadow)]) }
  },
})
