import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { z } from 'zod'
import { command, event, type DeclaredCommand } from '../shared/runtime/command.ts'
import type { Store } from '../shared/store/documents.ts'
import { refuse } from '../shared/wire/refusal.ts'
import type { Received } from './device.ts'
import { PlainHandler } from './plain-handler.ts'
import { openStage, type Stage } from './stage.ts'

// The promises about a command: its payload is checked, it has one effect, and its sender gets one answer.

/** What ran, in order: a record of every effect. */
const ran: { command: string; user: string; attempt: number; id: string; n: number }[] = []
/** A closed gate holds the commands that name it; `meet` opens its own once two have arrived. */
const gates = new Map<string, { open: () => void; opened: Promise<void>; waiting: number }>()

function gate(name: string) {
  let at = gates.get(name)
  if (!at) {
    let open = (): void => {}
    const opened = new Promise<void>((resolve) => (open = resolve))
    gates.set(name, (at = { open, opened, waiting: 0 }))
  }
  return at
}

const number = z.int().default(0)
const echoed = event('echoed', { text: z.string(), n: z.int() })
const counted = event('counted', { n: z.int(), times: z.int() })
const met = event('met', {})

const demo = new Map<string, DeclaredCommand>([
  [
    'echo',
    command({
      input: z.object({ text: z.string().min(1).max(1000), n: number }),
      events: { echoed },
      run: ({ text, n }, { from, command: { id, attempt } }) => {
        ran.push({ command: 'echo', user: from.user, attempt, id, n })
        if (text === 'refuse me') throw refuse('not_found')
        if (text === 'fail once' && attempt === 1) throw new Error('as told')
        if (text === 'fail always') throw new Error('as told')
        return { reply: echoed({ text, n }) }
      },
    }),
  ],
  [
    'count',
    command({
      input: z.object({ n: number }),
      events: { counted },
      async run({ n }, { from, command: { id, attempt } }) {
        ran.push({ command: 'count', user: from.user, attempt, id, n })
        await new Promise((resolve) => setImmediate(resolve))
        return { reply: counted({ n, times: ran.filter(({ user }) => user === from.user).length }) }
      },
    }),
  ],
  [
    'pass_gate',
    command({
      input: z.object({ name: z.string() }),
      events: { met },
      async run({ name }, { from, command: { id, attempt } }) {
        ran.push({ command: 'pass_gate', user: from.user, attempt, id, n: 0 })
        gate(`${name} reached`).open()
        await gate(name).opened
        return { reply: met({}) }
      },
    }),
  ],
  ...(['meet', 'meet_freely'] as const).map(
    (name) =>
      [
        name,
        command({
          input: z.object({ at: z.string() }),
          events: { met },
          ordered: name === 'meet',
          async run({ at }) {
            const place = gate(at)
            if (++place.waiting === 2) place.open()
            await place.opened
            return { reply: met({}) }
          },
        }),
      ] as const,
  ),
  [
    'stall',
    command({
      input: z.object({}),
      events: { met },
      timeoutMs: 30,
      attempts: 2,
      async run(_, { from, signal, command: { id, attempt } }) {
        ran.push({ command: 'stall', user: from.user, attempt, id, n: 0 })
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        return { reply: met({}) }
      },
    }),
  ],
])

let stage: Stage
beforeAll(async () => {
  stage = await openStage([], { MAX_COMMAND_BYTES: '2000', QUEUE_TTL: '300' })
  await stage.serve('demo', demo)
})
afterAll(() => stage.close())
beforeEach(() => {
  ran.length = 0
})
afterEach(() => gates.clear())

test('a group whose collections do not fit the store does not start', async () => {
  const notesBy = (field: string) => (store: Store) =>
    store.collection({ name: 'notes', indexes: { by_owner: { fields: [field] } } })
  const uses = { some: notesBy('owner'), others: notesBy('user') }
  const never = command({ input: z.object({}), events: { met }, uses, run: () => ({ reply: met({}) }) })
  await expect(stage.serve('misfits', new Map([['never', never]]))).rejects.toThrow('collection notes')
})

const BROKEN: [string, string | Buffer][] = [
  ['nothing', ''],
  ['not JSON', '{"text":'],
  ['a list', '["text"]'],
  ['null', 'null'],
  ['200 levels deep', `${'{"text":'.repeat(200)}1${'}'.repeat(200)}`],
  ['a lone surrogate', '{"text":"\\ud800"}'],
  ['a __proto__', '{"text":"hi","__proto__":{"admin":true}}'],
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
]
test.each(BROKEN)('rejects %s as bad_payload, and the handler is not called', async (_, payload) => {
  const alice = await stage.device('alice', { version: 4 })
  await alice.mqtt.publishAsync('echo', payload, { qos: 1 })
  expect(await alice.receives('command_rejected')).toMatchObject({
    command: 'echo',
    code: 'bad_payload',
    fields: { payload: expect.any(String) },
  })
  expect(ran).toEqual([])
})

test('rejects 10,000 levels of nesting within the allowed size', async () => {
  const deep = await openStage()
  try {
    const alice = await deep.device('alice')
    alice.mqtt.publish('get_contact_list', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, { qos: 1 })
    expect(await alice.receives('command_rejected')).toMatchObject({ code: 'bad_payload' })
  } finally {
    await deep.close()
  }
})

const WRONG: [string, object, string][] = [
  ['a number for a text', { text: 7 }, 'text'],
  ['a query for a text', { text: { $gt: '' } }, 'text'],
  ['an empty text', { text: '' }, 'text'],
  ['no text', {}, 'text'],
  ['a fraction', { text: 'hi', n: 1.5 }, 'n'],
  ['a field that the command has not', { text: 'hi', txet: 'hi' }, 'txet'],
  ['an id that is no text', { text: 'hi', id: 7 }, 'id'],
  ['an id of 65 characters', { text: 'hi', id: 'x'.repeat(65) }, 'id'],
  ['an empty id', { text: 'hi', id: '' }, 'id'],
  ['a time that is none', { text: 'hi', expires_at: 'soon' }, 'expires_at'],
  ['a time without an offset', { text: 'hi', expires_at: '2099-12-31T23:59:59' }, 'expires_at'],
  ['a time as people write it', { text: 'hi', expires_at: '12/31/2099' }, 'expires_at'],
  ['a word and a digit', { text: 'hi', expires_at: 'tomorrow 1' }, 'expires_at'],
  ['milliseconds as text', { text: 'hi', expires_at: '4102444799000' }, 'expires_at'],
  ['30 February', { text: 'hi', expires_at: '2099-02-30T00:00:00Z' }, 'expires_at'],
]
test.each(WRONG)('names the field for %s, and the handler is not called', async (_, fields, wrong) => {
  const alice = await stage.device('alice')
  alice.sends('echo', fields).catch(() => {})
  const answer = await alice.receives('command_rejected')
  expect(answer).toMatchObject({ code: 'bad_payload', fields: { [wrong]: expect.any(String) } })
  expect(Object.keys(answer['fields'] as object)).toEqual([wrong])
  expect(ran).toEqual([])
  expect(await alice.unread()).toEqual([])
})

test('rejects commands that are too large, expired or unknown', async () => {
  const alice = await stage.device('alice', { version: 4 })
  await alice.mqtt.publishAsync('echo', JSON.stringify({ text: 'x'.repeat(2000) }), { qos: 1 })
  expect(await alice.receives('command_rejected')).toMatchObject({ code: 'too_large' })
  expect(await alice.asks('echo', { text: 'x'.repeat(2000) }, { id: 'a "long" one' })).toMatchObject({
    code: 'too_large', // an oversized payload is not read, except for an id at its beginning
  })
  const past = new Date(Date.now() - 1).toISOString()
  expect(await alice.asks('echo', { text: 'hi', expires_at: past })).toMatchObject({ code: 'timeout' })
  expect(await alice.asks('echo', { text: 'hi', expires_at: 1000 })).toMatchObject({ code: 'timeout' })
  expect(await alice.asks('sing', { text: 'hi' })).toMatchObject({ code: 'unknown_command', command: 'sing' })
  expect(await alice.asks('echo', { text: 'refuse me' })).toMatchObject({
    event: 'command_rejected',
    code: 'not_found',
  })
  expect(ran).toHaveLength(1)
})

test.each([0, 1, 2] as const)('runs a command of QoS %d once', async (qos) => {
  const alice = await stage.device('alice', { version: 4 })
  const id = await alice.sends('echo', { text: 'hi' }, { qos })
  expect(await alice.receives('echoed')).toMatchObject({ re: id, text: 'hi' })
  expect(ran).toMatchObject([{ attempt: 1 }])
})

test('runs a failing command five times with one id, then reports it; Alice’s next command goes on', async () => {
  const alice = await stage.device('alice')
  const failing = await alice.sends('echo', { text: 'fail always', n: 1 })
  const next = await alice.sends('echo', { text: 'hi', n: 2 })
  expect(await alice.receives('command_failed')).toEqual({
    event: 'command_failed',
    event_seq: expect.any(Number),
    re: failing,
    command: 'echo',
    code: 'internal',
    message: expect.any(String),
    at: expect.any(String),
  })
  expect(await alice.receives('echoed')).toMatchObject({ re: next })
  expect(ran.map(({ n, attempt }) => [n, attempt])).toEqual([
    [1, 1],
    [1, 2],
    [1, 3],
    [1, 4],
    [1, 5],
    [2, 1],
  ])
  expect(new Set(ran.map(({ id }) => id)).size).toBe(2)
})

test('answers a command that succeeds at its second attempt once, and holds back what Alice sent after it', async () => {
  const alice = await stage.device('alice')
  await Promise.all([alice.sends('echo', { text: 'fail once', n: 1 }), alice.sends('echo', { text: 'hi', n: 2 })])
  expect([await alice.receives('echoed'), await alice.receives('echoed')]).toMatchObject([{ n: 1 }, { n: 2 }])
  expect(ran).toMatchObject([
    { n: 1, attempt: 1 },
    { n: 1, attempt: 2 },
    { n: 2, attempt: 1 },
  ])
  expect(await alice.unread()).toEqual([])
})

test('retries a command that exceeds its time limit, then reports it', async () => {
  const alice = await stage.device('alice')
  expect(await alice.asks('stall')).toMatchObject({ event: 'command_failed', code: 'timeout' })
  expect(ran.map(({ attempt }) => attempt)).toEqual([1, 2])
  expect(await alice.asks('echo', { text: 'hi' })).toMatchObject({ event: 'echoed' })
})

test('gives up on a handler that never answers', async () => {
  const lone = await openStage()
  try {
    await lone.broker.reload({
      mute: { commands: { go_mute: { ordered: true, timeoutMs: 10, attempts: 1 } }, events: [] },
    })
    const mute = await PlainHandler.connect(lone, 'mute.1')
    await mute.takes('go_mute')
    const alice = await lone.device('alice')
    expect(await alice.asks('go_mute')).toMatchObject({ event: 'command_failed', code: 'timeout' })
    expect(mute.unread).toBe(1)
  } finally {
    await lone.close()
  }
})

test('a QoS 0 command gets one attempt, and never waits', async () => {
  const alice = await stage.device('alice')
  expect(await alice.asks('echo', { text: 'fail always' }, { qos: 0 })).toMatchObject({ event: 'command_failed' })
  expect(ran).toHaveLength(1)
  expect(await alice.asks('get_contact_list', {}, { qos: 0 })).toMatchObject({
    event: 'command_rejected',
    code: 'unavailable',
  })
})

test('a command for an absent group is queued, and runs when the group comes', async () => {
  const other = await openStage()
  try {
    const alice = await other.device('alice')
    const id = await alice.sends('request_contact', { user_id: 'bob' })
    expect(await alice.receives('command_queued')).toEqual({
      event: 'command_queued',
      re: id,
      command: 'request_contact',
      at: expect.any(String),
    })
    await other.serve('contacts')
    expect(await alice.receives('contact_request_sent')).toMatchObject({ re: id, user_id: 'bob' })
  } finally {
    await other.close()
  }
})

test('a command for a group that stays away ends as unavailable, and one with an expiry as timeout', async () => {
  const alice = await stage.device('alice')
  const bob = await stage.device('bob')
  const patient = await alice.asks('get_contact_list')
  expect(patient).toMatchObject({ event: 'command_rejected', code: 'unavailable' })
  const hasty = await bob.asks('get_contact_list', { expires_at: Date.now() + 50 })
  expect(hasty).toMatchObject({ event: 'command_rejected', code: 'timeout' })
})

test.each([4, 5] as const)(
  'the same id three times has one effect and the same answer, by MQTT %d',
  async (version) => {
    const alice = await stage.device('alice', { version })
    const answers: Received[] = []
    for (let i = 0; i < 3; i++) answers.push(await alice.asks('count', { n: 7 }, { id: `order-${version}` }))
    const body = ({ event, n, times, re }: Received) => ({ event, n, times, re })
    for (const answer of answers)
      expect(body(answer)).toEqual({ event: 'counted', n: 7, times: 1, re: `order-${version}` })
    expect(ran).toHaveLength(1)
    expect(await alice.unread()).toEqual([])
  },
)

test('the same id three times at once has one effect', async () => {
  const alice = await stage.device('nina')
  await Promise.all([1, 2, 3].map(() => alice.sends('count', { n: 1 }, { id: 'at-once' })))
  expect(await alice.receives('counted')).toMatchObject({ re: 'at-once', times: 1 })
  const more = await alice.unread()
  expect(more.every(({ re, times }) => re === 'at-once' && times === 1)).toBe(true)
  expect(ran).toHaveLength(1)
})

test('a repeated command gets the same refusal again', async () => {
  const alice = await stage.device('olga')
  for (let i = 0; i < 2; i++) {
    expect(await alice.asks('echo', { text: 'refuse me' }, { id: 'r' })).toMatchObject({ code: 'not_found', re: 'r' })
  }
  expect(ran).toHaveLength(1)
})

test('the same id with another payload is a conflict; the same id of another user is not', async () => {
  const [alice, bob] = [await stage.device('paul'), await stage.device('rita')]
  await alice.asks('count', { n: 1 }, { id: 'mine' })
  expect(await alice.asks('count', { n: 2 }, { id: 'mine' })).toMatchObject({ code: 'conflict', re: 'mine' })
  expect(await bob.asks('count', { n: 2 }, { id: 'mine' })).toMatchObject({ event: 'counted', n: 2 })
})

test("Alice's 300 pipelined commands run in order across three processes, in parallel with Bob's", async () => {
  const more = [await stage.serve('demo', demo), await stage.serve('demo', demo)]
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  const all = Array.from({ length: 300 }, (_, n) => n)
  const sent = all.map((n) => [alice.sends('count', { n }), bob.sends('count', { n })])
  await Promise.all(sent.flat())
  for (const person of [alice, bob]) {
    const answers: unknown[] = []
    for (const _ of all) answers.push((await person.receives('counted'))['n'])
    expect(answers).toEqual(all)
    expect(ran.filter(({ user }) => user === person.user).map(({ n }) => n)).toEqual(all)
  }
  for (const one of more) await one.close()
})

test('commands of two users run at the same time, and unordered commands of one user do too', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  const meetings = [alice.asks('meet', { at: 'the fountain' }), bob.asks('meet', { at: 'the fountain' })]
  expect(await Promise.all(meetings)).toMatchObject([{ event: 'met' }, { event: 'met' }])
  const alone = [alice.asks('meet_freely', { at: 'home' }), alice.asks('meet_freely', { at: 'home' })]
  expect(await Promise.all(alone)).toMatchObject([{ event: 'met' }, { event: 'met' }])
})

test('every one of 200 commands, good and bad, gets exactly one answer', async () => {
  const people = await Promise.all(['ada', 'ben', 'cleo', 'dan'].map((sub) => stage.device(sub, { version: 4 })))
  const kinds: [string, object][] = [
    ['echo', { text: 'hi' }],
    ['echo', { text: 7 }],
    ['echo', { text: 'refuse me' }],
    ['echo', { text: 'fail once' }],
    ['sing', {}],
  ]
  const ids = await Promise.all(
    people.map((one) =>
      Promise.all(
        Array.from({ length: 50 }, (_, i) => kinds[i % kinds.length]!).map(([name, body]) => one.sends(name, body)),
      ),
    ),
  )
  for (const [i, person] of people.entries()) {
    const answers: Received[] = []
    while (answers.length < 50) answers.push(await person.next())
    expect(new Set(answers.map(({ re }) => re))).toEqual(new Set(ids[i]))
    expect(await person.unread()).toEqual([])
  }
})

test('an observing group gets each command once and cannot answer; the owner answers', async () => {
  const [first, second] = [await PlainHandler.connect(stage, 'audit.1'), await PlainHandler.connect(stage, 'audit.2')]
  await first.takes('echo', 0)
  await second.takes('echo', 0)
  const alice = await stage.device('alice')
  for (let n = 0; n < 4; n++) expect(await alice.asks('echo', { text: 'hi', n })).toMatchObject({ event: 'echoed', n })

  const seen = new Set<string>()
  while (first.unread + second.unread > 0 || seen.size < 4) {
    const auditor = first.unread > 0 ? first : second
    const { stamp } = await auditor.gets('echo')
    expect(seen.has(stamp['command-id']!)).toBe(false)
    seen.add(stamp['command-id']!)
    await auditor.causes(`${alice.user}_echoed`, { text: 'from the auditor' }, stamp['command-id'])
  }
  expect(await alice.unread()).toEqual([])
  await Promise.all([first.mqtt.endAsync(), second.mqtt.endAsync()])
})

test('commands of a handler whose connection broke run at another, as attempt 2', async () => {
  const [first, second] = [await PlainHandler.connect(stage, 'notes.1'), await PlainHandler.connect(stage, 'notes.2')]
  await first.takes('add_note', 0)
  const alice = await stage.device('alice')
  const id = await alice.sends('add_note', { text: 'hi' })
  expect((await first.gets()).stamp).toMatchObject({ attempt: '1' })
  await second.takes('add_note', 0)
  first.dies()
  const { stamp } = await second.gets()
  expect(stamp).toMatchObject({ attempt: '2', 'user-id': alice.user })
  await second.causes(`${alice.user}_note_added`, {}, stamp['command-id'])
  expect(await alice.receives('note_added')).toMatchObject({ re: id })
  expect(await alice.unread()).toEqual([])
})

test('a handler that is told to stop finishes its commands and takes no new ones', async () => {
  const old = await openStage()
  try {
    const first = await old.serve('demo', demo)
    const [alice, bob] = [await old.device('alice'), await old.device('bob')]
    const held = alice.asks('pass_gate', { name: 'stop' })
    await gate('stop reached').opened
    const stopped = first.close()
    const queued = bob.asks('echo', { text: 'hi' })
    await bob.receives('command_queued')
    gate('stop').open()
    expect(await held).toMatchObject({ event: 'met' })
    await stopped
    await old.serve('demo', demo)
    expect(await queued).toMatchObject({ event: 'echoed' })
    expect(ran.map(({ attempt }) => attempt)).toEqual([1, 1])
  } finally {
    await old.close()
  }
})

test('an answer larger than the broker accepts fails its own command, and no other', async () => {
  const long = event('long', { text: z.string() })
  const say_much = command({
    input: z.object({ bytes: z.int() }),
    events: { long },
    attempts: 2,
    run: ({ bytes }) => ({ reply: long({ text: 'x'.repeat(bytes) }) }),
  })
  const other = await openStage()
  try {
    await other.serve('talkers', new Map([['say_much', say_much]]))
    const [alice, bob] = [await other.device('alice'), await other.device('bob')]
    expect(await alice.asks('say_much', { bytes: 300_000 })).toMatchObject({
      event: 'command_failed',
      code: 'internal',
    })
    expect(await bob.asks('say_much', { bytes: 100_000 })).toMatchObject({ event: 'long' })
  } finally {
    await other.close()
  }
})

test('an answer sent to <user>_events by Response Topic arrives once', async () => {
  const alice = await stage.device('alice')
  const id = await alice.sends('echo', { text: 'hi' }, { properties: { responseTopic: 'alice_events' } })
  await alice.hears('echoed')
  expect((await alice.unread()).filter(({ re }) => re === id)).toHaveLength(1)
})
