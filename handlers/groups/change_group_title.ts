import { z } from 'zod'
import { group_changed, group_updated, groupId, title } from '../shared/group-events.ts'
import { command } from '../../shared/runtime/command.ts'
import { groupBook } from './group-book.ts'
import { effectsOf } from './group-effects.ts'

/** Changes a group's title; for its owner and admins. */
export default command({
  input: z.object({ group_id: groupId, title }),
  events: { group_updated, group_changed },
  uses: { groups: groupBook },

  async run({ group_id, title }, { from: { user }, groups, command }) {
    return effectsOf(user, await groups.retitle(user, group_id, title, command))
  },
})
