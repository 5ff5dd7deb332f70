import { z } from 'zod'
import { event, userId } from '../../shared/runtime/command.ts'
import { shownText } from '../shared/shown-text.ts'
import { PRESENCE_PACE, STATUSES } from '../shared/presence-state.ts'

export const status = z.enum(STATUSES)
/** An empty text removes it. */
export const statusText = z.union([z.literal(''), shownText(280)])

export const status_set = event('status_set', { status, text: z.string().optional() })
/** A user who is online has changed their status or its text. */
export const user_status = event(
  'user_status',
  { user_id: userId, status: status.exclude(['invisible']), text: z.string().optional() },
  PRESENCE_PACE,
)
export const user_list = event('user_list', {
  users: z.array(
    z.strictObject({ user_id: userId, status: status.exclude(['invisible']), text: z.string().optional() }),
  ),
  /** There may be more, even when the page has fewer users than asked for. */
  cursor: userId.optional(),
})
