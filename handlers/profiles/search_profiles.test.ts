import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { person } = await stage('profiles')
const seeker = person('seeker')

async function named(user: string, name: string | null): Promise<void> {
  const device = person(user)
  await device.calls('update_profile', { fields: { name, status_text: 'hidden' } })
  await device.leaves()
}
const found = async (q: string, more: object = {}): Promise<unknown[]> =>
  ((await seeker.calls('search_profiles', { q, ...more }))['profiles'] as { user_id: string }[]).map(
    ({ user_id }) => user_id,
  )

test('finds by beginning, by several words in any order, and despite a typing error', async () => {
  await named('u1', 'Alice Cooper')
  await named('u2', 'Alicia Keys')
  await named('u3', 'Bob Cooper')
  expect(await found('alice c')).toEqual(['u1'])
  expect(await found('ALI')).toEqual(['u1', 'u2'])
  expect(await found('cooper alice')).toEqual(['u1'])
  expect(await found('alcie cooper')).toEqual(['u1'])
  expect(await found('coper')).toEqual(['u1', 'u3'])
  expect(await found('xylophone')).toEqual([])
  expect(await seeker.calls('search_profiles', { q: '?!' })).toMatchObject({
    code: 'bad_payload',
    fields: { q: 'has no letters or digits to search for' },
  })
  expect(await seeker.calls('search_profiles', { q: 'ali', cursor: 'none' })).toBeRefused('bad_payload')
})

test('folds names in the same way as messages', async () => {
  await named('w1', 'Łukasz Strauß')
  await named('w2', 'Jean-Luc Ægirsen')
  await named('w3', '李小龍')
  await named('w4', 'राम')
  await named('w5', 'रमा')
  await named('w6', 'dé\u00adborah')
  for (const [q, user] of [
    ['strauss lukasz', 'w1'],
    ['jeanluc', 'w2'],
    ['aegirsen', 'w2'],
    ['小龍', 'w3'],
    ['राम', 'w4'],
    ['रमा', 'w5'],
    ['deborah', 'w6'],
  ] as const) {
    expect([q, await found(q)]).toEqual([q, [user]])
  }
})

test('shows only public fields', async () => {
  await named('u4', 'Quentin')
  expect((await seeker.calls('search_profiles', { q: 'quentin' }))['profiles']).toEqual([
    { user_id: 'u4', fields: { name: 'Quentin' } },
  ])
})

test('finds a changed name by the new one only, and a removed name not at all', async () => {
  await named('u5', 'Xavier')
  await named('u5', 'Yolanda')
  expect(await found('xavier')).toEqual([])
  expect(await found('yolanda')).toEqual(['u5'])
  await named('u5', null)
  expect(await found('yolanda')).toEqual([])
})

test('pages through many matches, each once', async () => {
  for (let i = 0; i < 25; i++) await named(`many-${String(i).padStart(2, '0')}`, `Monika ${i}`)
  const all: unknown[] = []
  let cursor: string | undefined
  do {
    const page = (
      await seeker.calls('search_profiles', {
        q: 'monika',
        limit: 10,
        ...(cursor !== undefined && { cursor }),
      })
    ).as('profile_results')
    all.push(...page.profiles.map(({ user_id }) => user_id))
    cursor = page.cursor
  } while (cursor !== undefined)
  expect(all).toEqual(Array.from({ length: 25 }, (_, i) => `many-${String(i).padStart(2, '0')}`))
})
