import { createECDH } from 'node:crypto'
import { z } from 'zod'
import { event, later } from '../../shared/runtime/command.ts'

/** A push service's address for one browser. */
export const endpoint = z.url({ protocol: /^https$/, error: 'must be an https:// URL' }).max(1_024)
/** The browser's public key: an uncompressed point of P-256. */
export const p256dh = z
  .string()
  .regex(/^[A-Za-z0-9_-]{87}$/, 'must be 65 bytes in base64url')
  .refine(isPoint, 'is not a point of P-256')
export const auth = z.string().regex(/^[A-Za-z0-9_-]{22}$/, 'must be 16 bytes in base64url')

/** What the broker says about an event that nobody has heard. */
const wanted = {
  event: z.string(),
  /** Its number in the user's inbox. */
  event_seq: z.int(),
  sent_at: z.string(),
  /** Those of its fields that its declaration names in `wakes`. */
  fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
}
export const pushWanted = z.object(wanted)
export type Wanted = z.output<typeof pushWanted>

/** A push service wants to be asked again. */
export const push_again = later('push_again', {
  ...wanted,
  /** How often it was sent before. */
  tries: z.int().min(1).max(10),
  /** The subscriptions that are left. */
  to: z.array(z.string()).max(100),
})

export const push_subscription_saved = event('push_subscription_saved', {})
export const push_subscription_removed = event('push_subscription_removed', {})

function isPoint(text: string): boolean {
  try {
    const ecdh = createECDH('prime256v1')
    ecdh.generateKeys()
    return ecdh.computeSecret(text, 'base64url').length > 0
  } catch {
    return false
  }
}
