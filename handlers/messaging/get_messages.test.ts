import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'messaging'])
})
afterAll(() => stage.close())

test('pages through a conversation in both directions, for its two users only', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  await befriend(alice, bob)
  for (let i = 1; i <= 25; i++) {
    const [sender, to] = i % 2 === 0 ? [alice, 'bob'] : [bob, 'alice']
    await sender.asks('send_message', { to, body: String(i) })
  }
  const page = async (asker: typeof alice, other: string, at: object) => {
    const { messages, more } = await asker.asks('get_messages', { with: other, ...at })
    return [(messages as { seq: number }[]).map(({ seq }) => seq), more]
  }
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
  for (const [asker, other] of [
    [alice, 'bob'],
    [bob, 'alice'],
  ] as const) {
    expect(await page(asker, other, {})).toEqual([range(6, 25), true])
    expect(await page(asker, other, { before: 6 })).toEqual([range(1, 5), false])
    expect(await page(asker, other, { after: 0, limit: 10 })).toEqual([range(1, 10), true])
    expect(await page(asker, other, { after: 20 })).toEqual([range(21, 25), false])
    expect(await page(asker, other, { before: 1 })).toEqual([[], false])
  }
  const mallory = await stage.device('mallory')
  expect(await page(mallory, 'alice', {})).toEqual([[], false])
  expect(await page(mallory, 'bob', { after: 0 })).toEqual([[], false])
  expect(await alice.asks('get_messages', { with: 'bob', before: 3, after: 1 })).toMatchObject({ code: 'bad_payload' })
})

test('a page of long messages is shorter, and no message is missing', async () => {
  const [carl, dora] = [await stage.device('carl'), await stage.device('dora')]
  await befriend(carl, dora)
  for (let i = 1; i <= 8; i++) await carl.asks('send_message', { to: 'dora', ciphertext: String(i).repeat(40_000) })
  await dora.unread()
  for (const forward of [true, false]) {
    const seen: number[] = []
    for (let more = true; more;) {
      const at = forward ? { after: seen.at(-1) ?? 0 } : { ...(seen.length > 0 && { before: seen[0] }) }
      const page = await dora.asks('get_messages', { with: 'carl', ...at })
      expect(page.event).toBe('messages')
      const found = (page['messages'] as { seq: number }[]).map(({ seq }) => seq)
      expect(found.length).toBeGreaterThan(1)
      if (forward) seen.push(...found)
      else seen.unshift(...found)
      more = page['more'] as boolean
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  }
})
