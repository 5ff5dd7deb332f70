import type { z } from 'zod'
import type { JsonObject } from './json.ts'
import { refuse, type FieldErrors } from './refusal.ts'

/** Fields of every command: the platform's. */
export const OWN_FIELDS = ['id', 'expires_at'] as const

/** Faults that are told, at most: an answer has to stay smaller than what it answers may be. */
const MOST_TOLD = 20

/**
 * What a command takes, out of its payload: all fields but `id` and `expires_at`, which are the platform's.
 * @throws {Refusal} `bad_payload`, with what is wrong with each field
 */
export function parseInput<Input>(schema: z.ZodType<Input>, payload: JsonObject): Input {
  const { id: _id, expires_at: _expiry, ...fields } = payload
  const parsed = schema.safeParse(fields)
  if (parsed.success) return parsed.data
  const wrong: FieldErrors = Object.create(null)
  for (const issue of parsed.error.issues.slice(0, MOST_TOLD)) {
    if (issue.code === 'unrecognized_keys')
      for (const key of issue.keys.slice(0, MOST_TOLD)) wrong[key.slice(0, 64)] = 'is not a field of this command'
    else wrong[issue.path.join('.').slice(0, 128)] ??= issue.message
  }
  throw refuse('bad_payload', wrong)
}
