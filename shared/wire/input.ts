import type { z } from 'zod'
import type { JsonObject } from './json.ts'
import { issueText } from './issue-text.ts'
import { refuse, type FieldErrors } from './refusal.ts'

/** The platform's own fields, which every command may have. */
export const OWN_FIELDS = ['id', 'expires_at'] as const

/** The most faults that are reported, so that the answer stays smaller than the command may be. */
const MAX_TOLD = 20

const TEXTS = { error: issueText }

/** Parses a command's input: its payload without the platform's own fields. @throws {Refusal} `bad_payload`, with the fault of each field */
export function parseInput<Input>(schema: z.ZodType<Input>, payload: JsonObject): Input {
  const { id: _id, expires_at: _expiry, ...fields } = payload
  const parsed = schema.safeParse(fields, TEXTS)
  if (parsed.success) return parsed.data
  const wrong: FieldErrors = Object.create(null)
  for (const issue of parsed.error.issues.slice(0, MAX_TOLD)) {
    if (issue.code === 'unrecognized_keys')
      for (const key of issue.keys.slice(0, MAX_TOLD)) wrong[key.slice(0, 64)] = 'is not a field of this command'
    else wrong[issue.path.join('.').slice(0, 128)] ??= issue.message
  }
  throw refuse('bad_payload', wrong)
}
