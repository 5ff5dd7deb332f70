import { expect, test } from '@jest/globals'
import { groupsIn, loadGroup } from '../../shared/runtime/scan.ts'
import { parseInput } from '../../shared/wire/input.ts'
import type { JsonObject } from '../../shared/wire/json.ts'
import { Refusal } from '../../shared/wire/refusal.ts'
import { cpuTime } from '../cpu-time.ts'
import { HANDLERS } from '../stage.ts'

// Payloads of 64 kB, the maximum, made to be slow to check or to produce long refusals.

const LONG = 60_000
const commands = new Map(
  (await Promise.all((await groupsIn(HANDLERS)).map((group) => loadGroup(HANDLERS, group)))).flatMap((all) => [...all]),
)
const group_id = 'g'.repeat(22)
const wrongKeys = Object.fromEntries(Array.from({ length: 8_000 }, (_, i) => [`A${i}`, 1]))

test.each<[what: string, command: string, input: JsonObject]>([
  ['a long title that ends badly', 'create_group', { title: 'a'.repeat(LONG) + '\n' }],
  ['a new one', 'change_group_title', { group_id, title: 'a'.repeat(LONG) + '\n' }],
  ['that of a conference', 'create_conference', { title: 'a'.repeat(LONG) + '\n' }],
  ['spaces only', 'create_group', { title: ' '.repeat(LONG) }],
  [
    'a long media type',
    'send_message',
    {
      to: 'b',
      body: 'x',
      attachments: [{ file_id: 'a', type: 'application/' + 'xml'.repeat(LONG / 3) + ' ', size: 1 }],
    },
  ],
  ['accents in the wrong order', 'search_messages', { q: 'a' + '\u0301'.repeat(LONG / 4) + '\u0323'.repeat(LONG / 4) }],
  ['8,000 fields with wrong names', 'update_profile', { fields: wrongKeys }],
  ['one field with a long wrong name', 'update_profile', { fields: { ['A'.repeat(LONG)]: 1 } }],
  ['8,000 that are not known', 'get_profile', { user_id: 'b', ...wrongKeys }],
  ['30,000 users who are none', 'create_group', { title: 'a', members: Array(30_000).fill(1) }],
])('%s, in %s', (_, name, input) => {
  const began = cpuTime()
  let refused: unknown
  try {
    parseInput(commands.get(name)!.input, input)
  } catch (err) {
    refused = err
  }
  expect(cpuTime() - began).toBeLessThan(1_000)
  expect(refused).toBeInstanceOf(Refusal)
  expect(JSON.stringify((refused as Refusal).fields).length).toBeLessThan(4_000)
})
