import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readContract } from '../../scripts/async-api.ts'
import { PlainHandler } from '../plain-handler.ts'
import { openStage, type Stage } from '../stage.ts'

// Keys that are guessed or stolen. (What each key opens: `test/handler-keys.test.ts`.)

const KEY = 'the key of contacts alone'
const lines: string[] = []
let stage: Stage
beforeAll(async () => {
  stage = await openStage([], { HANDLER_KEYS: `contacts=${KEY},notes=the key of the notes` }, lines)
})
afterAll(() => stage.close())

test('who guesses has to wait longer and longer, and the right key still opens', async () => {
  const guess = async (): Promise<number> => {
    const began = performance.now()
    await expect(
      PlainHandler.connect(stage, 'x.1', { username: 'handler:contacts', key: 'a guess that is wrong' }),
    ).rejects.toMatchObject({ code: 0x87 })
    return performance.now() - began
  }
  const waited: number[] = []
  for (let i = 0; i < 8; i++) waited.push(await guess())
  expect(waited[7]).toBeGreaterThan(390) // 100, 200, 400 ms after the fifth
  const other = await PlainHandler.connect(stage, 'n.1', { username: 'handler:notes', key: 'the key of the notes' })
  await other.mqtt.endAsync()
  const right = await PlainHandler.connect(stage, 'c.1', { username: 'handler:contacts', key: KEY })
  await right.mqtt.endAsync()
  expect(Math.min(await guess(), await guess(), await guess())).toBeLessThan(790) // it begins anew: the next of those would wait 800
})

test('guesses at once are not looked at all at once', async () => {
  const login = { username: 'handler:notes', key: 'a guess that is wrong' }
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) => PlainHandler.connect(stage, `g.${i}`, login)),
  )
  expect(results.every(({ status }) => status === 'rejected')).toBe(true)
  const codes = results.map((one) => (one as { reason: { code: number } }).reason.code)
  expect(new Set(codes)).toEqual(new Set([0x87, 0x9f]))
  expect(lines.join('')).not.toContain('a guess that is wrong')
})

test("a stolen group's key reads no other group's commands and publishes no event it did not declare", async () => {
  const { commands, events } = await readContract()
  const own = Object.entries(commands).filter(([, { group }]) => group === 'contacts')
  const declared = new Set(own.flatMap(([, one]) => one.events))
  const thief = await PlainHandler.connect(stage, 'thief.1', { username: 'handler:contacts', key: KEY })
  for (const [name, { group }] of Object.entries(commands)) {
    const taken = await thief.takes(name).then(
      () => true,
      () => false,
    )
    expect([name, taken]).toEqual([name, group === 'contacts'])
  }
  for (const event of [...Object.keys(events), 'message_received', 'made_up']) {
    const caused = await thief.causes(`alice_${event}`, {}).then(
      () => true,
      () => false,
    )
    expect([event, caused]).toEqual([event, declared.has(event)])
  }
  await thief.mqtt.endAsync()
})
