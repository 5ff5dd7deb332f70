import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve, finn, person } = await stage(['contacts', 'profiles'])

test('sets and removes fields, and tells contacts and nobody else', async () => {
  await befriend(alice, bob)
  const fields = { name: 'Alice', status_text: 'at work', avatar: 'https://img.example/a.png', shoe_size: 38 }
  expect(await alice.calls('update_profile', { fields })).toAnswer('profile_updated', {
    user_id: 'alice',
    fields,
  })
  bob.receives('profile_updated', { user_id: 'alice', fields })
  await alice.calls('update_profile', { fields: { status_text: null, shoe_size: 39 } })
  bob.receives('profile_updated', { fields: { status_text: null, shoe_size: 39 } })
  expect((await alice.calls('get_profile', { user_id: 'alice' }))['fields']).toEqual({
    name: 'Alice',
    avatar: 'https://img.example/a.png',
    shoe_size: 39,
  })
  expect(carl.unread()).toEqual([])
})

test('does not tell contacts across a block', async () => {
  await befriend(dora, eve)
  await befriend(dora, finn)
  await dora.calls('block_user', { user_id: 'eve' })
  await finn.calls('block_user', { user_id: 'dora' })
  for (const one of [eve, finn]) one.unread()
  await dora.calls('update_profile', { fields: { name: 'Dora' } })
  expect(eve.unread()).toEqual([])
  expect(finn.unread()).toEqual([])
})

test.each([
  ['a name of 81 characters', { name: 'x'.repeat(81) }, 'fields.name'],
  ['an empty name', { name: '' }, 'fields.name'],
  ['a name of spaces', { name: '   ' }, 'fields.name'],
  ['a control character', { name: 'a\u0007b' }, 'fields.name'],
  ['a name without anything visible', { name: '\u200b\u3164' }, 'fields.name'],
  ['a name with sixty marks on one letter', { name: `a${'\u0301'.repeat(60)}` }, 'fields.name'],
  ['a status that overrides the direction', { status_text: '\u202etxt' }, 'fields.status_text'],
  ['an own field that is blank', { own: '\u2800' }, 'fields.own'],
  ['a name that is not a string', { name: 7 }, 'fields.name'],
  ['an avatar that is a script', { avatar: 'javascript:alert(1)' }, 'fields.avatar'],
  ['an avatar that is data', { avatar: 'data:text/html,x' }, 'fields.avatar'],
  ['an object', { own: { deep: 1 } }, 'fields.own'],
  ['a field of 501 characters', { own: 'x'.repeat(501) }, 'fields.own'],
  ['an invalid field name', { 'Own Field': 'x' }, 'fields.Own Field'],
  ['nothing', {}, 'fields'],
  ['too many fields', Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`f${i}`, 1])), 'fields'],
])('%s is refused, naming the field, and changes nothing', async (_, fields, wrong) => {
  const gus = person('gus')
  const answer = await gus.calls('update_profile', { fields })
  expect(answer).toBeRefused('bad_payload')
  expect(Object.keys(answer['fields'] as object)).toContain(wrong)
  expect((await gus.calls('get_profile', { user_id: 'gus' }))['fields']).toEqual({})
})

test('a profile holds at most twenty fields, whether set at once or bit by bit', async () => {
  const hal = person('hal')
  const some = (from: number, to: number) =>
    Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`f${from + i}`, 'x']))
  await hal.calls('update_profile', { fields: some(0, 15) })
  expect(await hal.calls('update_profile', { fields: some(15, 21) })).toBeRefused('bad_payload')
  expect(await hal.calls('update_profile', { fields: { ...some(15, 20) } })).toAnswer('profile_updated')
})
