import { z } from 'zod'
import { groupChange, groupId } from '../shared/group-events.ts'
import { givenAttachment, hash, messageId, seq } from '../shared/message-fields.ts'
import { event, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'

export { attachment, hash, messageId, seq } from '../shared/message-fields.ts'

/** A message's content, one of the two: text that can be searched, or ciphertext that only its readers can open. */
export const content = {
  body: z.string().min(1).max(10_000).optional(),
  ciphertext: z.string().min(1).max(40_000).optional(),
}

/** @throws {Refusal} `bad_payload` unless exactly one of the two is given */
export function checkContent({
  body,
  ciphertext,
}: {
  body?: string | undefined
  ciphertext?: string | undefined
}): void {
  if ((body === undefined) !== (ciphertext === undefined)) return
  throw refuse('bad_payload', { body: 'give either body or ciphertext, not both' })
}

/** The conversation, by one of the two: the other user, or the group. */
const conversation = { with: userId.optional(), group_id: groupId.optional() }

const shown = {
  message_id: messageId,
  seq,
  from: userId,
  /** In a conversation of two. */
  to: userId.optional(),
  group_id: groupId.optional(),
  ...content,
  /** A change of the group. Its hash is the SHA-256 of the change's name, a space, and the title or user id it is about. */
  system: groupChange.optional(),
  attachments: z.array(givenAttachment).optional(),
  /** Removed when the message is deleted; in the chain the SHA-256 of its `message_id` takes its place. */
  hash: hash.optional(),
  /** The hash of the previous message: reveals a missing or altered one. */
  prev_hash: hash.optional(),
  sent_at: z.iso.datetime(),
  edited_at: z.iso.datetime().optional(),
  deleted_at: z.iso.datetime().optional(),
}

/** To every device of the sender. */
export const message_sent = event('message_sent', {
  message_id: messageId,
  seq,
  to: userId.optional(),
  group_id: groupId.optional(),
  hash,
})
/** To every device of the receivers and of the sender. */
export const message_received = event('message_received', shown, { wakes: ['message_id', 'from', 'group_id'] })
export const messages = event('messages', {
  ...conversation,
  /** In the order of `seq`. */
  messages: z.array(z.strictObject(shown)),
  /** Whether there are more in the direction that was asked for. */
  more: z.boolean(),
})
export const message_results = event('message_results', {
  /** Newest first. */
  messages: z.array(z.strictObject(shown)),
  /** There may be more, even when the page has fewer than asked for. */
  cursor: z.string().optional(),
})
export const receipt_recorded = event('receipt_recorded', {
  message_ids: z.array(messageId).optional(),
  ...conversation,
  up_to: seq.optional(),
})
/** The messages have arrived at `by`. */
export const message_delivered = event('message_delivered', { by: userId, message_ids: z.array(messageId) })
/** `by` has read everything up to and including `up_to`, in the group if one is named. */
export const message_read = event('message_read', { by: userId, group_id: groupId.optional(), up_to: seq })
/** Which receipts others get from the caller. */
export const receipts_set = event('receipts_set', { delivered: z.boolean(), read: z.boolean() })
const edited = { message_id: messageId, seq, ...conversation, ...content, edited_at: z.iso.datetime() }
export const message_updated = event('message_updated', edited)
export const message_edited = event('message_edited', edited)
const removed = { message_id: messageId, seq, ...conversation, deleted_at: z.iso.datetime() }
export const message_removed = event('message_removed', removed)
export const message_deleted = event('message_deleted', removed)
export const user_typing = event(
  'user_typing',
  { user_id: userId, group_id: groupId.optional() },
  { everyMs: 1_000, latest: 'typing' },
)
