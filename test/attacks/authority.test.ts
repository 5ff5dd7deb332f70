import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readContract } from '../../scripts/async-api.ts'
import { groupsIn } from '../../shared/runtime/scan.ts'
import type { Device, Received } from '../device.ts'
import { HANDLERS, openStage, type Stage } from '../stage.ts'

// Every command, sent by a user with no rights to its target: they read, change and learn nothing.

const { commands } = await readContract()
const fieldsOf = (command: string): string[] => Object.keys(commands[command]!.input.properties ?? {})
/** Commands, by the field that names another user or thing. */
const taking = (fields: readonly string[]): [command: string, field: string][] =>
  Object.keys(commands).flatMap((name) =>
    fieldsOf(name)
      .filter((field) => fields.includes(field))
      .map((field): [string, string] => [name, field]),
  )
const OF_USERS = taking(['user_id', 'to', 'with'])
const OF_IDS = taking(['group_id', 'message_id', 'message_ids'])
/** Further fields that make a command well-formed. */
const GOOD: Record<string, unknown> = { body: 'x', title: 'x', role: 'admin', up_to: 1, user_id: 'bob', q: 'x' }
const ALSO: Record<string, string[]> = { send_message: ['body'], edit_message: ['body'] }
function inputOf(command: string, field: string, target: unknown): Record<string, unknown> {
  const needed = [...(commands[command]!.input.required ?? []), ...(ALSO[command] ?? [])]
  return { ...Object.fromEntries(needed.map((name) => [name, GOOD[name]])), [field]: target }
}
let stage: Stage
let alice: Device
let bob: Device
let group: string
let message: string
beforeAll(async () => {
  stage = await openStage(await groupsIn(HANDLERS))
  alice = await stage.device('alice')
  bob = await stage.device('bob')
  await alice.asks('request_contact', { user_id: 'bob' })
  await bob.asks('accept_contact', { user_id: 'alice' })
  await alice.asks('block_user', { user_id: 'carol' })
  group = (await alice.asks('create_group', { title: 'Theirs', members: ['bob'] }))['group_id'] as string
  message = (await alice.asks('send_message', { group_id: group, body: 'x' }))['message_id'] as string
  await alice.unread()
  await bob.unread()
})
afterAll(() => stage.close())

/** An answer without the fields that differ from call to call. */
function bare({ re: _re, at: _at, event_seq: _seq, ...rest }: Received, names: Record<string, string>): string {
  return Object.entries(names).reduce((text, [name, role]) => text.replaceAll(name, role), JSON.stringify(rest))
}

test.each(OF_USERS)(
  '%s {%s} tells a stranger the same about an existing and an unknown user',
  async (command, field) => {
    const answers = []
    for (const [i, target] of ['alice', 'nobody-there'].entries()) {
      const mallory = await stage.device(`mallory-${command.replaceAll('_', '-')}-${field}-${i}`.replaceAll('_', '-'))
      answers.push(
        bare(await mallory.asks(command, inputOf(command, field, target)), {
          [mallory.user]: 'ME',
          [target]: 'TARGET',
        }),
      )
      await mallory.leaves()
    }
    expect(answers[0]).toBe(answers[1])
  },
)

test.each(OF_IDS)('%s {%s} tells a stranger the same about an existing and an unknown id', async (command, field) => {
  const mallory = await stage.device(`mallory-${command}-${field}`.replaceAll('_', '-'))
  const there = field === 'group_id' ? group : message
  const answers = [there, 'A'.repeat(22)].map(async (id) => {
    const answer = await mallory.asks(command, inputOf(command, field, field === 'message_ids' ? [id] : id))
    return bare(answer, { [mallory.user]: 'ME', [id]: 'TARGET' })
  })
  expect(await answers[0]).toBe(await answers[1])
  expect(await answers[0]).toMatch(/"code":"(?:forbidden|not_found)"/)
  await mallory.leaves()
})

test.each(OF_USERS)('%s {%s} tells a blocked user the same as a stranger', async (command, field) => {
  if (command === 'block_user' || command === 'unblock_user') return expect(commands[command]!.group).toBe('contacts')
  const [carol, stranger] = [
    await stage.device('carol'),
    await stage.device(`stranger-${command}-${field}`.replaceAll('_', '-')),
  ]
  const input = inputOf(command, field, 'alice')
  const [blocked, free] = [await carol.asks(command, input), await stranger.asks(command, input)]
  expect(bare(blocked, { carol: 'ME', alice: 'TARGET' })).toBe(bare(free, { [stranger.user]: 'ME', alice: 'TARGET' }))
  await Promise.all([carol.leaves(), stranger.leaves()])
})

test('afterwards the contacts of others are unchanged, and nobody has read them', async () => {
  expect(await alice.asks('get_block_list')).toMatchObject({ users: ['carol'] })
  const lists = [await alice.asks('get_contact_list', { limit: 100 }), await bob.asks('get_contact_list')]
  expect((lists[0]!['contacts'] as { user_id: string }[]).filter(({ user_id }) => user_id === 'bob')).toEqual([
    { user_id: 'bob', state: 'contact' },
  ])
  expect(lists[1]).toMatchObject({ contacts: [{ user_id: 'alice', state: 'contact' }] })
  expect((await bob.unread()).filter(({ event }) => event !== 'contact_list')).toEqual([])
  expect((await alice.unread()).map(({ user_id }) => user_id)).not.toContain('carol')
})

test('no list shows another user’s data: a command without a target answers about its sender alone', async () => {
  const mallory = await stage.device('mallory')
  const reads = Object.keys(commands).filter(
    (name) => !OF_USERS.some(([of]) => of === name) && (commands[name]!.input.required ?? []).length === 0,
  )
  expect(reads).toEqual(expect.arrayContaining(['whoami', 'get_contact_list', 'get_block_list']))
  for (const command of reads) {
    const answer = JSON.stringify(await mallory.asks(command))
    expect([command, answer.includes('alice'), answer.includes('bob')]).toEqual([command, false, false])
  }
})
