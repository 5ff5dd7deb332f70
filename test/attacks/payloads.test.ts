import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readContract, type JsonSchema } from '../../scripts/async-api.ts'
import { groupsIn } from '../../shared/runtime/scan.ts'
import { tokenFor, type Device, type Received } from '../device.ts'
import { HANDLERS, openStage, type Stage } from '../stage.ts'

// Hostile payloads to every command there is: bad_payload (or too_large), at once, and nothing is stored.

const { commands } = await readContract()
const NAMES = Object.keys(commands)
let stage: Stage
let mallory: Device
beforeAll(async () => {
  stage = await openStage(await groupsIn(HANDLERS))
  mallory = await stage.device('mallory', { token: tokenFor('mallory', stage.secret, { role: 'operator' }) })
})
afterAll(() => stage.close())

/** The answer to a payload that may hold no readable id. */
async function says(command: string, payload: string | Buffer): Promise<Received> {
  mallory.mqtt.publish(command, payload, { qos: 1 }, () => {})
  return mallory.next()
}

/** The fields of a command: valid text, and numbers where it expects those. */
function fields(command: string): Record<string, unknown> {
  const { properties = {}, required = [] } = commands[command]!.input
  return Object.fromEntries(required.map((name) => [name, exampleOf(properties[name]!)]))
}
const exampleOf = ({ type, enum: one }: JsonSchema): unknown =>
  one?.[0] ?? { string: 'alice', integer: 1, number: 1, array: [], object: {}, boolean: true }[String(type)] ?? 'alice'

const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
const BROKEN: [string, string | Buffer][] = [
  ['nothing', ''],
  ['no JSON', '{"user_id":'],
  ['JSON behind JSON', '{}{}'],
  ['a list', '[]'],
  ['text', '"alice"'],
  ['null', 'null'],
  ['10,000 levels', deep(10_000)],
  ['a lone surrogate', '{"user_id":"\\ud800"}'],
  ['a __proto__', '{"__proto__":{"user_id":"alice"}}'],
  ['a hidden __proto__', '{"a":{"\\u005f_proto__":1}}'],
  ['no UTF-8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])],
  ['a byte order mark', Buffer.from('\ufeff{}')],
  ['NaN', '{"user_id":NaN}'],
]
test.each(NAMES)('%s refuses broken payloads', async (command) => {
  for (const [what, payload] of BROKEN) {
    expect([what, await says(command, payload)]).toMatchObject([
      what,
      { event: 'command_rejected', command, code: 'bad_payload', fields: { payload: expect.any(String) } },
    ])
  }
  const large = JSON.stringify({ ...fields(command), x: 'x'.repeat(stage.config.MAX_COMMAND_BYTES) })
  expect(await says(command, large)).toMatchObject({ code: 'too_large', command })
})

const WITH_FIELDS = NAMES.filter((name) => (commands[name]!.input.required ?? []).length > 0)
test.each(WITH_FIELDS)('%s refuses a query, list or object where it expects a value', async (command) => {
  for (const name of commands[command]!.input.required!) {
    for (const hostile of [{ $gt: '' }, { $ne: null }, [['alice']], null, true, { toString: 'alice' }]) {
      const { type } = commands[command]!.input.properties![name]!
      if (type === 'boolean' && hostile === true) continue
      const answer = await mallory.asks(command, { ...fields(command), [name]: hostile })
      expect([name, hostile, answer]).toMatchObject([name, hostile, { event: 'command_rejected' }])
      if (answer['code'] === 'forbidden') continue
      const named = Object.keys(answer['fields'] ?? {})
      expect([answer['code'], named.some((one) => one.split('.')[0] === name)]).toEqual(['bad_payload', true])
    }
  }
})

test('forged senders in payload and user properties are refused or removed', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  for (const name of ['from', 'user', 'sender', 'user-id', 'origin']) {
    const answer = await mallory.asks('request_contact', { user_id: 'bob', [name]: 'alice' })
    expect(answer).toMatchObject({ code: 'bad_payload', fields: { [name]: expect.any(String) } })
  }
  const userProperties = {
    'user-id': 'alice',
    'client-id': 'phone',
    'command-id': 'x',
    attempt: '9',
    at: 'x',
    order: '1',
  }
  await mallory.asks('request_contact', { user_id: 'bob' }, { properties: { userProperties } })
  expect(await bob.receives('contact_requested')).toMatchObject({ user_id: 'mallory' })
  expect(await alice.unread()).toEqual([])
})
