import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { profileBook } from './profile-book.ts'
import { profile_updated, profileChange } from './profile-fields.ts'

/** Sets fields of the caller's profile and removes those that are `null`. Tells the caller's contacts. */
export default command({
  input: z.object({ fields: profileChange }),
  events: { profile_updated },
  uses: { profiles: profileBook },

  async run({ fields }, { from, profiles, command }) {
    await profiles.change(from.user, fields, command)
    const changed = profile_updated({ user_id: from.user, fields })
    return { reply: changed, notify: [[await profiles.hearersOf(from.user), changed]] }
  },
})
