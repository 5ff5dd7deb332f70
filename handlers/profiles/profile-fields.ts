import { z } from 'zod'
import { event, userId } from '../../shared/runtime/command.ts'
import { shownText } from '../shared/shown-text.ts'

/** The most fields of a profile, and of one change. */
export const MAX_FIELDS = 20

/** The fields that everyone may see. Looser than `profileFields`: values set before those rules existed are still shown. */
export const publicFields = z.strictObject({ name: z.string().optional(), avatar: z.string().optional() })

/**
 * A profile's fields. `name` and `avatar` (an https URL or the id of a file) are public; `status_text` and the user's own fields
 * are for their contacts.
 */
export const profileFields = z
  .object({
    name: shownText(80),
    avatar: shownText(512).regex(
      /^(?:https:\/\/\S+|[A-Za-z0-9][A-Za-z0-9._-]*)$/,
      'must be an https URL or the id of a file',
    ),
    status_text: shownText(280),
  })
  .partial()
  .catchall(z.union([shownText(500), z.number(), z.boolean()]))
export type ProfileFields = z.output<typeof profileFields>

const NAME = /^[a-z][a-z0-9_]{0,31}$/

/** A change of fields; `null` removes one. */
export const profileChange = z
  .record(z.string().regex(NAME, 'is not a field name: snake_case, at most 32 characters'), z.unknown())
  .refine((fields) => Object.keys(fields).length <= MAX_FIELDS, `must hold at most ${MAX_FIELDS} fields`)
  .refine((fields) => Object.keys(fields).length > 0, 'must hold at least one field')
  .superRefine((fields, context) => {
    const set = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
    for (const { path, message } of profileFields.safeParse(set).error?.issues ?? []) {
      context.addIssue({ code: 'custom', path: [...path], message })
    }
  })
  .transform((fields) => fields as Record<string, string | number | boolean | null>)
export type ProfileChange = z.output<typeof profileChange>

const shown = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))

export const profile = event('profile', { user_id: userId, fields: shown })
/** `fields` holds the changed ones, `null` for a removed one. To all devices of the user and of their contacts. */
export const profile_updated = event('profile_updated', { user_id: userId, fields: shown })
export const profile_results = event('profile_results', {
  profiles: z.array(z.strictObject({ user_id: userId, fields: publicFields })),
  cursor: z.string().optional(),
})
