import type { z } from 'zod'

const KINDS: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}
const UNITS: Record<string, [one: string, many: string]> = {
  string: ['character', 'characters'],
  array: ['entry', 'entries'],
}
/** Values that are listed, at most. */
const MAX_VALUES = 12

/**
 * What is wrong with a field, for its sender. Undefined for faults of other kinds, which get zod's own text. A text that a schema gives
 * goes before this one.
 */
export function issueText(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${KINDS[issue.expected] ?? issue.expected}`
    case 'too_small':
      return bound(issue.origin, 'at least', Number(issue.minimum), issue.inclusive)
    case 'too_big':
      return bound(issue.origin, 'at most', Number(issue.maximum), issue.inclusive)
    case 'invalid_value':
      return issue.values.length <= MAX_VALUES
        ? `must be ${issue.values.map((one) => JSON.stringify(one)).join(' or ')}`
        : undefined
    default:
      return undefined
  }
}

function bound(origin: string, which: string, limit: number, isInclusive = true): string {
  const unit = UNITS[origin]
  if (unit) return `must have ${which} ${limit} ${unit[limit === 1 ? 0 : 1]}`
  if (isInclusive) return `must be ${which} ${limit}`
  return `must be ${which === 'at least' ? 'more' : 'less'} than ${limit}`
}
