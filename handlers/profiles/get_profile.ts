import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { profileBook } from './profile-book.ts'
import { profile } from './profile-fields.ts'

/** Shows a user's profile: all of it to their contacts, the name and avatar to everyone. */
export default command({
  input: z.object({ user_id: userId }),
  events: { profile },
  uses: { profiles: profileBook },
  replyTo: 'client',
  ordered: false,

  async run({ user_id }, { from, profiles }) {
    return { reply: profile({ user_id, fields: await profiles.seenBy(from.user, user_id) }) }
  },
})
