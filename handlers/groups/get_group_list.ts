import { z } from 'zod'
import { groupId } from '../shared/group-events.ts'
import { command } from '../../shared/runtime/command.ts'
import { groupBook } from './group-book.ts'
import { group_list } from './group-effects.ts'

/** Lists the caller's groups, in pages by group id. */
export default command({
  input: z.object({ cursor: groupId.optional(), limit: z.int().min(1).max(100).default(50) }),
  events: { group_list },
  uses: { groups: groupBook },
  replyTo: 'client',
  ordered: false,

  async run({ cursor, limit }, { from, groups }) {
    const { list, next } = await groups.list(from.user, cursor, limit)
    const shown = list.map(({ group, me }) => ({
      group_id: group._id,
      title: group.title,
      role: me.role,
      members: group.members.length,
    }))
    return { reply: group_list({ groups: shown, ...(next !== undefined && { cursor: next }) }) }
  },
})
