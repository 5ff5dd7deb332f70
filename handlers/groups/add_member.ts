import { z } from 'zod'
import { group_changed, group_updated, groupId } from '../shared/group-events.ts'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuseSelf } from '../shared/refuse-self.ts'
import { groupBook } from './group-book.ts'
import { effectsOf } from './group-effects.ts'

/** Adds a contact of the caller to a group; for its owner and admins. The new member sees messages from then on. */
export default command({
  input: z.object({ group_id: groupId, user_id: userId }),
  events: { group_updated, group_changed },
  uses: { groups: groupBook },

  async run({ group_id, user_id }, { from: { user }, groups, command }) {
    refuseSelf({ user_id }, user)
    return effectsOf(user, await groups.add(user, group_id, user_id, command))
  },
})
