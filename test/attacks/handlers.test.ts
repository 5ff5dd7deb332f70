import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
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

test('wrong guesses wait longer and longer, and the right key still works', async () => {
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
  expect(await guess()).toBeGreaterThan(790) // a right key at the same address does not reset the delay
})

test('simultaneous guesses are not all checked at once', async () => {
  const login = { username: 'handler:notes', key: 'a guess that is wrong' }
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) => PlainHandler.connect(stage, `g.${i}`, login)),
  )
  expect(results.every(({ status }) => status === 'rejected')).toBe(true)
  const codes = results.map((one) => (one as { reason: { code: number } }).reason.code)
  expect(new Set(codes)).toEqual(new Set([0x87, 0x9f]))
  expect(lines.join('')).not.toContain('a guess that is wrong')
})

test('a right key is admitted beside any number of wrong ones from its address', async () => {
  const guess = { username: 'handler:notes', key: 'a guess that is wrong' }
  const refused: string[] = []
  const guessing = Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      await PlainHandler.connect(stage, `g.${i}`, guess).catch(() => {})
      refused.push(`g.${i}`)
    }),
  )
  while (refused.length < 20) await new Promise((resolve) => setTimeout(resolve, 10)) // more refusals than may wait
  for (let n = 0; n < 5; n++) {
    const right = await PlainHandler.connect(stage, `n.${n}`, {
      username: 'handler:notes',
      key: 'the key of the notes',
    })
    await right.mqtt.endAsync()
  }
  await guessing
})

test("a stolen group key reads no other group's commands and publishes no event that its group did not declare", async () => {
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

test('the shared key publishes events that a group declares or a setting names, and no others', async () => {
  const thief = await PlainHandler.connect(stage, 'thief.1')
  const alice = await stage.device('alice')
  for (const event of ['made_up', 'command_rejected', 'session_info', 'events']) {
    await expect(thief.causes(`alice_${event}`, {})).rejects.toMatchObject({ code: 0x87 })
  }
  expect(lines.join('')).toContain('no handler declares it, and HANDLER_EVENTS does not name it')
  await thief.causes('alice_message_received', { from: 'bob' }) // by messaging
  await thief.causes('alice_greeted', {}) // by the setting
  expect((await alice.unread()).map(({ event }) => event)).toEqual(['message_received', 'greeted'])
  await thief.mqtt.endAsync()
})

test("no handler can set the broker's fields of an event: its name, number, time and the command it answers", async () => {
  const contacts = await PlainHandler.connect(stage, 'c.1', { username: 'handler:contacts', key: KEY })
  await contacts.takes('get_contact_list', 0)
  const alice = await stage.device('alice', { hears: ['events', 'answers', 'contact_list', 'contact_added'] })
  const raw: string[] = []
  alice.mqtt.on('message', (_, payload) => void raw.push(payload.toString()))
  const forged = { event: 'message_received', event_seq: 1, re: 'x', at: '1970-01-01T00:00:00Z' }
  for (const [field, value] of Object.entries(forged)) {
    const fields = { [field]: value, from: 'bob' }
    await expect(contacts.causes('alice_contact_added', fields)).rejects.toMatchObject({ code: 0x99 })
    for (const responseTopic of [undefined, 'alice_answers', 'alice_events']) {
      const properties = responseTopic === undefined ? {} : { responseTopic }
      const id = await alice.sends('get_contact_list', {}, { id: randomUUID(), properties })
      const first = await contacts.gets()
      const command = first.stamp['command-id']!
      const events = [{ to: 'alice', event: 'contact_list', fields }]
      await expect(contacts.ends({ outcome: 'done', command, attempt: 1, events })).rejects.toMatchObject({
        code: 0x99,
      })
      expect((await contacts.gets()).stamp).toMatchObject({ 'command-id': command, attempt: '2' })
      await expect(contacts.causes('alice_contact_list', fields, command)).rejects.toMatchObject({ code: 0x99 })
      expect((await contacts.gets()).stamp).toMatchObject({ 'command-id': command, attempt: '3' })
      await contacts.causes('alice_contact_list', { contacts: [] }, command)
      expect(await alice.receives('contact_list')).toMatchObject({ re: id, contacts: [] })
      await alice.unread() // it came on alice_events too
    }
  }
  expect(lines.join('')).toContain('has a field event_seq, which the broker fills in')

  const doubled = (text: string) => contacts.mqtt.publishAsync('alice_contact_added', text, { qos: 1 })
  for (const text of ['{"a":1,"a":2}', '{"a":{"b":1,"\\u0062":2}}', '{"a":[{"b":1,"b":1}]}']) {
    await expect(doubled(text)).rejects.toMatchObject({ code: 0x99 })
  }
  await doubled('{"a":"\\":1,\\"a","b":{"a":[":"]}}')
  await alice.receives('contact_added')
  await alice.unread()
  expect(raw.length).toBeGreaterThan(20)
  for (const key of Object.keys(forged)) expect(raw.filter((text) => text.split(`"${key}":`).length > 2)).toEqual([])
  await contacts.mqtt.endAsync()
})
