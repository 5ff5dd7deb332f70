import { z } from 'zod'
import { event, userId } from '../../shared/runtime/command.ts'
import { shownText } from '../../shared/wire/shown-text.ts'

const MAX_OWN = 20

/** What everybody may see of a user. Without the rules for what is set: what was set before them is shown all the same. */
export const publicFields = z.strictObject({ name: z.string().optional(), avatar: z.string().optional() })

/**
 * A profile's fields. `name` and `avatar` (a reference: an https URL, or the id of a file) are public; `status_text` and a user's own
 * fields are for his contacts.
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

/** A change of fields; `null` takes one away. */
export const profileChange = z
  .record(z.string().regex(NAME, 'is no field name: snake_case, at most 32'), z.unknown())
  .refine((fields) => Object.keys(fields).length <= MAX_OWN, `must be at most ${MAX_OWN} fields`)
  .refine((fields) => Object.keys(fields).length > 0, 'must hold a field')
  .superRefine((fields, context) => {
    const set = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
    for (const { path, message } of profileFields.safeParse(set).error?.issues ?? []) {
      context.addIssue({ code: 'custom', path: [...path], message })
    }
  })
  .transform((fields) => fields as Record<string, string | number | boolean | null>)
export type ProfileChange = z.output<typeof profileChange>

/** Fields of a profile beyond which a change is refused. */
export const MAX_FIELDS = MAX_OWN

const shown = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))

export const profile = event('profile', { user_id: userId, fields: shown })
/** `fields`: those that changed, `null` for one that is gone. To the user himself and to his contacts. */
export const profile_updated = event('profile_updated', { user_id: userId, fields: shown })
export const profile_results = event('profile_results', {
  profiles: z.array(z.strictObject({ user_id: userId, fields: publicFields })),
  cursor: z.string().optional(),
})
