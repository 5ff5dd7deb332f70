import { z } from 'zod'
import { title } from '../shared/group-events.ts'
import { command, userId } from '../../shared/runtime/command.ts'
import { conferenceBook } from './conference-book.ts'
import { conference_created, conference_invited, nameOf } from './conference-events.ts'
import { MAX_PARTICIPANTS } from './conference-state.ts'

/** Creates a conference with the caller in it, and invites contacts of theirs. */
export default command({
  input: z.object({
    title: title.optional(),
    invite: z
      .array(userId)
      .max(MAX_PARTICIPANTS - 1)
      .default([]),
  }),
  events: { conference_created, conference_invited },
  uses: { conferences: conferenceBook },

  async run({ title, invite }, { from: { user }, conferences, command }) {
    const invited = await conferences.invitable(user, invite)
    const { conference, among } = await conferences.create(user, title, command)
    const { token } = conference
    return {
      reply: conference_created({ ...nameOf(conference), token, participant_id: among[0]!.id }),
      notify: [[invited, conference_invited({ ...nameOf(conference), token, by: user })]],
    }
  },
})
