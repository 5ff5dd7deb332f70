import { z } from 'zod'
import { group_changed, group_updated, groupId } from '../shared/group-events.ts'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuseSelf } from '../shared/refuse-self.ts'
import { groupBook } from './group-book.ts'
import { effectsOf } from './group-effects.ts'

/** Removes a member from a group. The owner may remove anyone, an admin only plain members. */
export default command({
  input: z.object({ group_id: groupId, user_id: userId }),
  events: { group_updated, group_changed },
  uses: { groups: groupBook },

  async run({ group_id, user_id }, { from: { user }, groups, command }) {
    refuseSelf({ user_id }, user, 'use leave_group')
    return effectsOf(user, await groups.remove(user, group_id, user_id, command))
  },
})
