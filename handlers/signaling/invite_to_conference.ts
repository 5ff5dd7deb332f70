import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { conferenceBook } from './conference-book.ts'
import { conference_invite_sent, conference_invited, nameOf } from './conference-events.ts'
import { conferenceId } from './signal-events.ts'
import { MAX_PARTICIPANTS } from './conference-state.ts'

/** Invites contacts to a conference that the caller is in. The invitation holds the token to join. */
export default command({
  input: z.object({
    conference_id: conferenceId,
    invite: z
      .array(userId)
      .min(1)
      .max(MAX_PARTICIPANTS - 1),
  }),
  events: { conference_invite_sent, conference_invited },
  uses: { conferences: conferenceBook },

  async run({ conference_id, invite }, { from: { user }, conferences }) {
    const conference = await conferences.inside(user, conference_id)
    const invited = await conferences.invitable(user, invite)
    return {
      reply: conference_invite_sent({ conference_id }),
      notify: [[invited, conference_invited({ ...nameOf(conference), token: conference.token, by: user })]],
    }
  },
})
