import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device } from '../../test/device.ts'
import { befriend, gather } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups', 'messaging'])
})
afterAll(() => stage.close())

/** The bodies of the messages found. */
async function finds(by: Device, q: string): Promise<unknown[]> {
  const { messages } = await by.asks('search_messages', { q })
  return (messages as { body: string }[]).map(({ body }) => body)
}

test("finds messages with all the words, newest first, in the caller's own conversations only", async () => {
  const [alice, bob, carl] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carl')]
  await befriend(alice, bob)
  await befriend(bob, carl)
  const group_id = await gather(alice, bob)
  await alice.asks('send_message', { to: 'bob', body: 'The blue Café opens at nine' })
  await bob.asks('send_message', { group_id, body: 'a blue car' })
  await carl.asks('send_message', { to: 'bob', body: 'blue as the sky' })
  expect(await finds(alice, 'BLUE')).toEqual(['a blue car', 'The blue Café opens at nine'])
  expect(await finds(alice, 'cafe blue')).toEqual(['The blue Café opens at nine'])
  expect(await finds(bob, 'blue')).toEqual(['blue as the sky', 'a blue car', 'The blue Café opens at nine'])
  expect(await finds(carl, 'blue')).toEqual(['blue as the sky'])
  expect(await finds(carl, 'car')).toEqual([])
  expect(await finds(alice, 'created')).toEqual([])
  expect(await finds(alice, '"*" OR NEAR(')).toEqual([])
})

test('finds words in any spelling of the same letters', async () => {
  const [una, vic] = [await stage.device('una'), await stage.device('vic')]
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
    await una.asks('send_message', { to: 'vic', body })
    expect([q, await finds(vic, q)]).toEqual([q, [body]])
  }
  expect(await vic.asks('search_messages', { q: '🦊 ?' })).toMatchObject({
    code: 'bad_payload',
    fields: { q: 'has no letters or digits to search for' },
  })
})

test('never searches ciphertext; finds an edited message by its new text, and a deleted one not at all', async () => {
  const [dora, eve] = [await stage.device('dora'), await stage.device('eve')]
  await befriend(dora, eve)
  await dora.asks('send_message', { to: 'eve', ciphertext: 'secret' })
  const { message_id } = await dora.asks('send_message', { to: 'eve', body: 'green' })
  await dora.asks('edit_message', { message_id, body: 'red' })
  expect([await finds(eve, 'secret'), await finds(eve, 'green'), await finds(eve, 'red')]).toEqual([[], [], ['red']])
  await dora.asks('delete_message', { message_id })
  expect(await finds(eve, 'red')).toEqual([])
})

test('does not find messages from before the caller joined, or from a user whom the caller blocks', async () => {
  const [finn, gus, hal] = [await stage.device('finn'), await stage.device('gus'), await stage.device('hal')]
  const group_id = await gather(finn, gus)
  await befriend(finn, hal)
  await finn.asks('send_message', { group_id, body: 'early bird' })
  await finn.asks('add_member', { group_id, user_id: 'hal' })
  await finn.asks('send_message', { group_id, body: 'late bird' })
  expect(await finds(hal, 'bird')).toEqual(['late bird'])
  await finn.asks('remove_member', { group_id, user_id: 'hal' })
  expect(await finds(hal, 'bird')).toEqual([])
  await gus.asks('block_user', { user_id: 'finn' })
  await finn.asks('send_message', { to: 'gus', body: 'unheard bird' })
  expect(await finds(gus, 'bird')).toEqual(['late bird', 'early bird'])
  expect(await finds(finn, 'unheard')).toEqual(['unheard bird'])
})

test('returns results in pages', async () => {
  const [ida, jon] = [await stage.device('ida'), await stage.device('jon')]
  await befriend(ida, jon)
  for (let i = 0; i < 5; i++) await ida.asks('send_message', { to: 'jon', body: `snow ${i}` })
  const seen: unknown[] = []
  let cursor: unknown
  do {
    const page = await jon.asks('search_messages', { q: 'snow', limit: 2, ...(cursor !== undefined && { cursor }) })
    seen.push(...(page['messages'] as { body: string }[]).map(({ body }) => body))
    cursor = page['cursor']
  } while (cursor !== undefined)
  expect(seen).toEqual([4, 3, 2, 1, 0].map((i) => `snow ${i}`))
  expect(await jon.asks('search_messages', { q: 'a b c d e f g h i j k l m n o p q' })).toMatchObject({
    code: 'bad_payload',
  })
  expect(await jon.asks('search_messages', { q: 'snow', cursor: 'none' })).toMatchObject({ code: 'bad_payload' })
})

test('a page of long messages is shorter, and no message is missing', async () => {
  const [kim, lea] = [await stage.device('kim'), await stage.device('lea')]
  await befriend(kim, lea)
  for (let i = 0; i < 30; i++) await kim.asks('send_message', { to: 'lea', body: `rain ${i} ${'x'.repeat(9_900)}` })
  await lea.unread()
  const seen: string[] = []
  let cursor: unknown
  do {
    const page = await lea.asks('search_messages', { q: 'rain', limit: 50, ...(cursor !== undefined && { cursor }) })
    expect(page.event).toBe('message_results')
    seen.push(...(page['messages'] as { body: string }[]).map(({ body }) => body.split(' ')[1]!))
    cursor = page['cursor']
  } while (cursor !== undefined)
  expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => String(29 - i)))
})
