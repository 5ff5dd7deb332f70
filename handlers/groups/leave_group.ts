import { z } from 'zod'
import { group_changed, group_updated, groupId } from '../shared/group-events.ts'
import { command } from '../../shared/runtime/command.ts'
import { groupBook } from './group-book.ts'
import { effectsOf } from './group-effects.ts'

/** Leaves a group. When the owner leaves, the first admin, or else the first member, becomes the owner. */
export default command({
  input: z.object({ group_id: groupId }),
  events: { group_updated, group_changed },
  uses: { groups: groupBook },

  async run({ group_id }, { from: { user }, groups, command }) {
    return effectsOf(user, await groups.leave(user, group_id, command))
  },
})
