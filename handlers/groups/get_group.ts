import { z } from 'zod'
import { groupId } from '../shared/group-events.ts'
import { command, userId } from '../../shared/runtime/command.ts'
import { groupBook } from './group-book.ts'
import { group } from './group-effects.ts'

/** Shows one of the caller's groups, with a page of its members by user id. */
export default command({
  input: z.object({
    group_id: groupId,
    cursor: userId.optional(),
    limit: z.int().min(1).max(200).default(100),
  }),
  events: { group },
  uses: { groups: groupBook },
  replyTo: 'client',
  ordered: false,

  async run({ group_id, cursor, limit }, { from, groups }) {
    const { title, role, members, page, next } = await groups.look(from.user, group_id, cursor, limit)
    const list = page.map(({ user, role }) => ({ user_id: user, role }))
    return {
      reply: group({ group_id, title, role, members, list, ...(next !== undefined && { cursor: next }) }),
    }
  },
})
