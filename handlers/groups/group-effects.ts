import { z } from 'zod'
import { group_changed, group_updated, givenTitle, groupId, role } from '../shared/group-events.ts'
import { event, userId } from '../../shared/runtime/command.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { Outcome } from './group-book.ts'

const summary = { group_id: groupId, title: givenTitle, role, members: z.int().min(1) }

/** A group as a member sees it: their own role, the number of members, and a page of them. */
export const group = event('group', {
  ...summary,
  list: z.array(z.strictObject({ user_id: userId, role })),
  cursor: userId.optional(),
})
export const group_list = event('group_list', {
  groups: z.array(z.strictObject(summary)),
  cursor: z.string().optional(),
})

/** The caller's answer and the event for the others. */
export function effectsOf(by: UserId, { group: group_id, change, seeming, message, others }: Outcome) {
  const place = message && { message_id: message._id, seq: message.seq }
  const chain = message && { hash: message.hash, prev_hash: message.prev_hash }
  return {
    reply: group_updated({ group_id, ...change, ...(change.change === 'member_left' && { owner: seeming }), ...place }),
    notify: [[others, group_changed({ group_id, by, ...change, ...place, ...chain })] as const],
  }
}
