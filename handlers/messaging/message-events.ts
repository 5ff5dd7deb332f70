import { z } from 'zod'
import { groupChange, groupId } from '../shared/group-events.ts'
import { hash, messageId, seq } from '../shared/message-fields.ts'
import { event, userId } from '../../shared/runtime/command.ts'
import { shownText } from '../shared/shown-text.ts'

export { hash, messageId, seq }

/** What browsers may run when it is opened. Linear in the text's length, which nobody has looked at yet. */
const RUNS_SCRIPTS = /^(?:text\/(?:html|xsl)$|(?:text|application)\/xml$|.*(?:\+xml|javascript|ecmascript)$)/

/** Something that belongs to a message and is kept elsewhere. */
export const attachment = z.strictObject({
  file_id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'is no id of a file'),
  type: z
    .string()
    .regex(/^[a-z]+\/[a-z0-9.+-]{1,100}$/, 'is no media type')
    .refine((type) => !RUNS_SCRIPTS.test(type), 'is a type that runs scripts'),
  size: z.int().min(0).max(1e12),
  name: shownText(255)
    .regex(/^[^/\\]*$/, 'must hold no slash')
    .optional(),
  width: z.int().min(1).max(100_000).optional(),
  height: z.int().min(1).max(100_000).optional(),
})

/** One in an event: its name was given before there was that rule, perhaps. */
const givenAttachment = attachment.extend({ name: z.string().optional() })

/** A message's content: text that can be searched, or something that only its readers can open. */
export const content = {
  body: z.string().min(1).max(10_000).optional(),
  ciphertext: z.string().min(1).max(40_000).optional(),
}

/** One of them: whose conversation it is, or which group's. */
const conversation = { with: userId.optional(), group_id: groupId.optional() }

const shown = {
  message_id: messageId,
  seq,
  from: userId,
  /** Of two users' messages. */
  to: userId.optional(),
  group_id: groupId.optional(),
  ...content,
  /** A change of the group; its hash is that of the change's name, a space, and the title or user id it is about. */
  system: groupChange.optional(),
  attachments: z.array(givenAttachment).optional(),
  /** Of one that is deleted it is gone; in the chain stands the SHA-256 of its `message_id` instead. */
  hash: hash.optional(),
  /** The hash of the message before it, so that one that is missing or altered shows. */
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
/** To every device of the others, and to those of the sender. */
export const message_received = event('message_received', shown)
export const messages = event('messages', {
  ...conversation,
  /** In the order of `seq`. */
  messages: z.array(z.strictObject(shown)),
  /** Is there more in the direction that was asked for? */
  more: z.boolean(),
})
export const message_results = event('message_results', {
  /** The last one first. */
  messages: z.array(z.strictObject(shown)),
  /** There may be more, also when these are fewer than asked for. */
  cursor: z.string().optional(),
})
export const receipt_recorded = event('receipt_recorded', {
  message_ids: z.array(messageId).optional(),
  ...conversation,
  up_to: seq.optional(),
})
/** `by` has them. */
export const message_delivered = event('message_delivered', { by: userId, message_ids: z.array(messageId) })
/** `by` has read all up to and with this; of a group's messages when it is named. */
export const message_read = event('message_read', { by: userId, group_id: groupId.optional(), up_to: seq })
/** Which receipts others get of the caller. */
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
