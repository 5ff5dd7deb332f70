import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, mallory } = await stage(['contacts', 'messaging'])

test('pages through a conversation in both directions, for its two users only', async () => {
  await befriend(alice, bob)
  for (let i = 1; i <= 25; i++) {
    const [sender, to] = i % 2 === 0 ? [alice, 'bob'] : [bob, 'alice']
    await sender.calls('send_message', { to, body: String(i) })
  }
  const page = async (asker: typeof alice, other: string, at: object) => {
    const { messages, more } = (await asker.calls('get_messages', { with: other, ...at })).as('messages')
    return [messages.map(({ seq }) => seq), more]
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
  expect(await page(mallory, 'alice', {})).toEqual([[], false])
  expect(await page(mallory, 'bob', { after: 0 })).toEqual([[], false])
  expect(await alice.calls('get_messages', { with: 'bob', before: 3, after: 1 })).toBeRefused('bad_payload')
})

test('a page of long messages is shorter, and no message is missing', async () => {
  await befriend(carl, dora)
  for (let i = 1; i <= 8; i++) await carl.calls('send_message', { to: 'dora', ciphertext: String(i).repeat(40_000) })
  dora.unread()
  for (const forward of [true, false]) {
    const seen: number[] = []
    for (let more = true; more;) {
      const at = forward ? { after: seen.at(-1) ?? 0 } : { ...(seen.length > 0 && { before: seen[0] }) }
      const page = (await dora.calls('get_messages', { with: 'carl', ...at })).as('messages')
      expect(page.event).toBe('messages')
      const found = page.messages.map(({ seq }) => seq)
      expect(found.length).toBeGreaterThan(1)
      if (forward) seen.push(...found)
      else seen.unshift(...found)
      more = page.more
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  }
})
