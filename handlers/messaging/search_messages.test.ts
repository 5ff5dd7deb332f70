import { expect, test } from '@jest/globals'
import { befriend, gather } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve, finn, ida, kim, lea, person } = await stage(['contacts', 'groups', 'messaging'])

/** The bodies of the messages found. */
async function finds(by: typeof alice, q: string): Promise<unknown[]> {
  const { messages } = (await by.calls('search_messages', { q })).as('message_results')
  return messages.map(({ body }) => body)
}

test("finds messages with all the words, newest first, in the caller's own conversations only", async () => {
  await befriend(alice, bob)
  await befriend(bob, carl)
  const group_id = await gather(alice, bob)
  await alice.calls('send_message', { to: 'bob', body: 'The blue Café opens at nine' })
  await bob.calls('send_message', { group_id, body: 'a blue car' })
  await carl.calls('send_message', { to: 'bob', body: 'blue as the sky' })
  expect(await finds(alice, 'BLUE')).toEqual(['a blue car', 'The blue Café opens at nine'])
  expect(await finds(alice, 'cafe blue')).toEqual(['The blue Café opens at nine'])
  expect(await finds(bob, 'blue')).toEqual(['blue as the sky', 'a blue car', 'The blue Café opens at nine'])
  expect(await finds(carl, 'blue')).toEqual(['blue as the sky'])
  expect(await finds(carl, 'car')).toEqual([])
  expect(await finds(alice, 'created')).toEqual([])
  expect(await finds(alice, '"*" OR NEAR(')).toEqual([])
})

test('finds words in any spelling of the same letters', async () => {
  const [una, vic] = [person('una'), person('vic')]
  await befriend(una, vic)
  for (const [body, q] of [
    ['Donau\u00addampf\u00adschiff', 'donaudampfschiff'],
    ['کتاب\u200cها', 'كتابها'],
    ['كتـــــاب', 'كتاب'],
    ['not\u2060able', 'notable'],
    ['Łódź', 'lodz'],
    ['Đà Nẵng', 'da nang'],
    ['smørrebrød', 'smorrebrod'],
    ['co-operate', 'cooperate'],
    ['บ้านสวย', 'สวย'],
  ] as const) {
    await una.calls('send_message', { to: 'vic', body })
    expect([q, await finds(vic, q)]).toEqual([q, [body]])
  }
  expect(await vic.calls('search_messages', { q: '🦊 ?' })).toMatchObject({
    code: 'bad_payload',
    fields: { q: 'has no letters or digits to search for' },
  })
})

test('never searches ciphertext; finds an edited message by its new text, and a deleted one not at all', async () => {
  await befriend(dora, eve)
  await dora.calls('send_message', { to: 'eve', ciphertext: 'secret' })
  const { message_id } = (await dora.calls('send_message', { to: 'eve', body: 'green' })).as('message_sent')
  await dora.calls('edit_message', { message_id, body: 'red' })
  expect([await finds(eve, 'secret'), await finds(eve, 'green'), await finds(eve, 'red')]).toEqual([[], [], ['red']])
  await dora.calls('delete_message', { message_id })
  expect(await finds(eve, 'red')).toEqual([])
})

test('does not find messages from before the caller joined, or from a user whom the caller blocks', async () => {
  const [gus, hal] = [person('gus'), person('hal')]
  const group_id = await gather(finn, gus)
  await befriend(finn, hal)
  await finn.calls('send_message', { group_id, body: 'early bird' })
  await finn.calls('add_member', { group_id, user_id: 'hal' })
  await finn.calls('send_message', { group_id, body: 'late bird' })
  expect(await finds(hal, 'bird')).toEqual(['late bird'])
  await finn.calls('remove_member', { group_id, user_id: 'hal' })
  expect(await finds(hal, 'bird')).toEqual([])
  await gus.calls('block_user', { user_id: 'finn' })
  await finn.calls('send_message', { to: 'gus', body: 'unheard bird' })
  expect(await finds(gus, 'bird')).toEqual(['late bird', 'early bird'])
  expect(await finds(finn, 'unheard')).toEqual(['unheard bird'])
})

test('returns results in pages', async () => {
  const jon = person('jon')
  await befriend(ida, jon)
  for (let i = 0; i < 5; i++) await ida.calls('send_message', { to: 'jon', body: `snow ${i}` })
  const seen: unknown[] = []
  let cursor: string | undefined
  do {
    const page = (
      await jon.calls('search_messages', { q: 'snow', limit: 2, ...(cursor !== undefined && { cursor }) })
    ).as('message_results')
    seen.push(...page.messages.map(({ body }) => body))
    cursor = page.cursor
  } while (cursor !== undefined)
  expect(seen).toEqual([4, 3, 2, 1, 0].map((i) => `snow ${i}`))
  expect(await jon.calls('search_messages', { q: 'a b c d e f g h i j k l m n o p q' })).toBeRefused('bad_payload')
  expect(await jon.calls('search_messages', { q: 'snow', cursor: 'none' })).toBeRefused('bad_payload')
})

test('a page of long messages is shorter, and no message is missing', async () => {
  await befriend(kim, lea)
  for (let i = 0; i < 30; i++) await kim.calls('send_message', { to: 'lea', body: `rain ${i} ${'x'.repeat(9_900)}` })
  lea.unread()
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = (
      await lea.calls('search_messages', { q: 'rain', limit: 50, ...(cursor !== undefined && { cursor }) })
    ).as('message_results')
    expect(page.event).toBe('message_results')
    seen.push(...page.messages.map(({ body }) => body!.split(' ')[1]!))
    cursor = page.cursor
  } while (cursor !== undefined)
  expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => String(29 - i)))
})
