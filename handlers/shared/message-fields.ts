import { z } from 'zod'

/** SHA-256 of the body or ciphertext as it was sent (UTF-8), in lower-case hex. */
export const hash = z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in lower-case hex')
export const messageId = z.string().regex(/^[A-Za-z0-9_-]{22}$/, 'is no message id')
/** A message's place in its conversation. It grows, and may skip. */
export const seq = z.int().min(1)
