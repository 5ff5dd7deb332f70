import { z } from 'zod'
import { event, userId } from '../../shared/runtime/command.ts'
import { shownText } from './shown-text.ts'
import { groupId, ROLES } from './user-groups.ts'
import { hash, messageId, seq } from './message-fields.ts'

export { groupId }

export const role = z.enum(ROLES)
/** What people call a group or a conference: 1 to 100 characters, something visible among them. */
export const title = shownText(100)
/** A title in an event: one that was given before there was that rule is shown all the same. */
export const givenTitle = z.string()

const change = {
  change: z.enum(['created', 'retitled', 'member_added', 'member_removed', 'member_left', 'role_changed']),
  title: givenTitle.optional(),
  /** Whom it is about. */
  user_id: userId.optional(),
  role: role.optional(),
  /** Who owns the group since the owner has left. */
  owner: userId.optional(),
}
/** What happened to a group, as its history tells it. */
export const groupChange = z.strictObject(change)

/** To the one who changed it. Without `message_id` nothing had to be changed. */
export const group_updated = event('group_updated', {
  group_id: groupId,
  ...change,
  message_id: messageId.optional(),
  seq: seq.optional(),
})
/**
 * To the other members, and to the one who was removed: what the group's history has from now on. Without `message_id`: the
 * others took the receiver for a member already.
 */
export const group_changed = event('group_changed', {
  group_id: groupId,
  by: userId,
  ...change,
  message_id: messageId.optional(),
  seq: seq.optional(),
  hash: hash.optional(),
  prev_hash: hash.optional(),
})
