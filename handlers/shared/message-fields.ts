import { z } from 'zod'
import { shownText } from './shown-text.ts'

/** SHA-256 of the body or ciphertext as it was sent (UTF-8), in lower-case hex. */
export const hash = z.string().regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in lower-case hex')
export const messageId = z.string().regex(/^[A-Za-z0-9_-]{22}$/, 'is not a message id')
/** A message's place in its conversation. It grows, and may skip numbers. */
export const seq = z.int().min(1)

/** What browsers may run as a script when it is opened. Linear in the text's length, which is not checked before. */
const RUNS_SCRIPTS = /^(?:text\/(?:html|xsl)$|(?:text|application)\/xml$|.*(?:\+xml|javascript|ecmascript)$)/

/** Something that belongs to a message and is stored elsewhere. */
export const attachment = z.strictObject({
  file_id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'is not a file id'),
  type: z
    .string()
    .regex(/^[a-z]+\/[a-z0-9.+-]{1,100}$/, 'is not a media type')
    .refine((type) => !RUNS_SCRIPTS.test(type), 'is a media type that can run scripts'),
  size: z.int().min(0).max(1e12),
  name: shownText(255)
    .regex(/^[^/\\]*$/, 'must not hold a slash')
    .optional(),
  width: z.int().min(1).max(100_000).optional(),
  height: z.int().min(1).max(100_000).optional(),
})

/** An attachment in an event. Looser: names set before the rule for shown text existed are still shown. */
export const givenAttachment = attachment.extend({ name: z.string().optional() })
export type Attachment = Readonly<z.output<typeof givenAttachment>>
