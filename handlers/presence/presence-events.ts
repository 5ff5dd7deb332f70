import { z } from 'zod'
import { event, userId } from '../../shared/runtime/command.ts'
import { shownText } from '../../shared/wire/shown-text.ts'
import { NOW, STATUSES } from '../../shared/people/presence.ts'

export const status = z.enum(STATUSES)
/** An empty one takes it away. */
export const statusText = z.union([z.literal(''), shownText(280)])

export const status_set = event('status_set', { status, text: z.string().optional() })
/** A user who is there has changed what he says of it. */
export const user_status = event(
  'user_status',
  { user_id: userId, status: status.exclude(['invisible']), text: z.string().optional() },
  NOW,
)
export const user_list = event('user_list', {
  users: z.array(
    z.strictObject({ user_id: userId, status: status.exclude(['invisible']), text: z.string().optional() }),
  ),
  /** There may be more, also when these are fewer than asked for. */
  cursor: userId.optional(),
})
