import { z } from 'zod'
import { event, userId } from '../../shared/runtime/command.ts'
import { cursor } from './list-page.ts'

export const note = z.string().max(280)

// To the caller.
export const contact_request_sent = event('contact_request_sent', { user_id: userId })
export const contact_added = event('contact_added', { user_id: userId })
export const contact_updated = event('contact_updated', { user_id: userId, state: z.literal('none') })

// To the other user: `user_id` is the caller.
export const contact_requested = event(
  'contact_requested',
  { user_id: userId, note: note.optional() },
  { fromStrangers: true },
)
export const contact_approved = event('contact_approved', { user_id: userId })
export const contact_rejected = event('contact_rejected', { user_id: userId })
export const contact_request_cancelled = event(
  'contact_request_cancelled',
  { user_id: userId },
  { fromStrangers: true },
)
export const contact_removed = event('contact_removed', { user_id: userId })

/** `requested`: the caller asked them; `requesting`: they asked the caller. */
export const contact_list = event('contact_list', {
  contacts: z.array(
    z.strictObject({
      user_id: userId,
      state: z.enum(['contact', 'requested', 'requesting']),
      note: note.optional(),
    }),
  ),
  cursor: cursor().optional(),
})
export const block_list = event('block_list', { users: z.array(userId), cursor: cursor().optional() })
