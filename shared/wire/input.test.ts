import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { parseInput } from './input.ts'

const schema = z.strictObject({
  to: z.string(),
  text: z.string().min(1).max(3).optional(),
  names: z.array(z.string()).max(2).optional(),
  count: z.int().min(0).max(9).optional(),
  share: z.number().gt(0).optional(),
  kind: z.enum(['one', 'two']).optional(),
  key: z.string().regex(/^k/, 'is not a key').optional(),
})

test.each([
  [{}, { to: 'is missing' }],
  [{ to: 5 }, { to: 'must be a text' }],
  [{ to: 'bob', text: '' }, { text: 'must have at least 1 character' }],
  [{ to: 'bob', text: 'long' }, { text: 'must have at most 3 characters' }],
  [{ to: 'bob', names: ['a', 'b', 'c'] }, { names: 'must have at most 2 entries' }],
  [{ to: 'bob', names: ['a', 1] }, { 'names.1': 'must be a text' }],
  [{ to: 'bob', count: -1 }, { count: 'must be at least 0' }],
  [{ to: 'bob', count: 1.5 }, { count: 'must be a whole number' }],
  [{ to: 'bob', share: 0 }, { share: 'must be more than 0' }],
  [{ to: 'bob', kind: 'three' }, { kind: 'must be "one" or "two"' }],
  [{ to: 'bob', key: 'x' }, { key: 'is not a key' }],
  [{ to: 'bob', other: 1 }, { other: 'is not a field of this command' }],
])('says in plain words what is wrong with %j', (payload, fields) => {
  expect(() => parseInput(schema, payload)).toThrow(expect.objectContaining({ code: 'bad_payload', fields }))
})
