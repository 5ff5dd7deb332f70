import { z } from 'zod'
import { group_changed, group_updated, groupId, role } from '../shared/group-events.ts'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuseSelf } from '../shared/refuse-self.ts'
import { groupBook } from './group-book.ts'
import { effectsOf } from './group-effects.ts'

/** Changes a member's role; for the group's owner. An owner who makes another member owner becomes an admin. */
export default command({
  input: z.object({ group_id: groupId, user_id: userId, role }),
  events: { group_updated, group_changed },
  uses: { groups: groupBook },

  async run({ group_id, user_id, role }, { from: { user }, groups, command }) {
    refuseSelf({ user_id }, user)
    return effectsOf(user, await groups.setRole(user, group_id, user_id, role, command))
  },
})
