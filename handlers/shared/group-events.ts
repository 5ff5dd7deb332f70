import { z } from 'zod'
import { event, userId } from '../../shared/runtime/command.ts'
import { shownText } from './shown-text.ts'
import { groupId, ROLES } from './user-groups.ts'
import { hash, messageId, seq } from './message-fields.ts'

export { groupId }

export const role = z.enum(ROLES)
/** The title of a group or a conference: 1 to 100 characters, at least one of them visible. */
export const title = shownText(100)
/** A title in an event. Looser than `title`: titles set before that rule existed are still shown. */
export const givenTitle = z.string()

const changeFields = {
  change: z.enum(['created', 'retitled', 'member_added', 'member_removed', 'member_left', 'role_changed']),
  title: givenTitle.optional(),
  /** The user whom the change is about. */
  user_id: userId.optional(),
  role: role.optional(),
  /** The new owner, after the owner has left. */
  owner: userId.optional(),
}
/** A change of a group, as recorded in its history. */
export const groupChange = z.strictObject(changeFields)
export type GroupChange = Readonly<z.output<typeof groupChange>>

/** To the member who made the change. Without `message_id` nothing had to change. */
export const group_updated = event('group_updated', {
  group_id: groupId,
  ...changeFields,
  message_id: messageId.optional(),
  seq: seq.optional(),
})
/**
 * To the other members, and to a removed member: the new entry of the group's history. Without `message_id` there is no
 * entry: the others already saw the receiver as a member.
 */
export const group_changed = event('group_changed', {
  group_id: groupId,
  by: userId,
  ...changeFields,
  message_id: messageId.optional(),
  seq: seq.optional(),
  hash: hash.optional(),
  prev_hash: hash.optional(),
})
