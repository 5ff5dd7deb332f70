import { CallError, Closed, Failed, NotStored, Rejected, Timeout, Uncertain, type Code } from '../../client/index.ts'

const REFUSALS: Record<Code, string> = {
  bad_payload: 'This cannot be sent as it is.',
  unknown_command: 'This platform does not offer that.',
  forbidden: 'You are not allowed to do that.',
  not_found: 'It does not exist any more.',
  conflict: 'That does not fit how things stand now.',
  rate_limited: 'That was too fast.',
  too_large: 'That is too long to be sent.',
  unavailable: 'The service cannot do that right now. Try again in a moment.',
  timeout: 'It took too long, so it was not done.',
  offline: 'They are not connected right now.',
  hash_mismatch: 'The content was changed on its way. Send it again.',
  internal: 'Something went wrong at the service. Try again.',
}

/** What the platform refused, for people. `details` says what is wrong with which field. */
export function refusalInWords(
  code: Code,
  details: Readonly<Record<string, string>> = {},
  retryAfterMs?: number,
): string {
  const about = Object.entries(details).map(([field, what]) => `${field.replaceAll('_', ' ')} ${what}`)
  const later = retryAfterMs === undefined ? '' : ` Try again in ${Math.max(1, Math.ceil(retryAfterMs / 1_000))} s.`
  return `${REFUSALS[code]}${about.length > 0 ? ` (${about.join('; ')})` : ''}${later}`
}

/** What went wrong, for people; nothing when there is nothing to tell. */
export function inWords(err: unknown): string | undefined {
  if (err instanceof Closed) return undefined
  if (err instanceof Rejected) return refusalInWords(err.code, err.fields, err.retryAfterMs)
  if (err instanceof Failed) return 'The service tried several times and gave up. Nothing has changed.'
  if (err instanceof Uncertain)
    return 'The connection broke just then. Look whether it took effect before you repeat it.'
  if (err instanceof NotStored) return 'This browser has no room left to keep it, so it was not sent.'
  if (err instanceof Timeout) return 'There is no answer yet. It will be done when the connection is back.'
  if (err instanceof CallError) return sentence(err.message)
  return err instanceof Error ? sentence(err.message) : 'Something went wrong.'
}

export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}
