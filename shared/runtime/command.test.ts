import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { command, event, later, type Command } from './command.ts'
import { faultOfLater } from './scan.ts'

// What a declaration may say. Much of it is for `npm run types`: each @ts-expect-error stands where the compiler must refuse.

const done = event('done', { n: z.number() })
const other = event('other', {})
const remind = later('remind', { n: z.number() })
const input = z.object({ n: z.number() })
const events = { done }

const remindAgain = command({
  input: remind.input,
  events,
  later: { remind },
  internal: 'later',
  run: ({ n }) => ({ later: n > 0 ? [[500, remind({ n: n - 1 })]] : [] }), // schedules itself
})

test('a command answers with a reply or a refusal, unless it says that it has none', () => {
  // @ts-expect-error -- nothing is answered
  command({ input, events, run: () => ({}) })
  // @ts-expect-error -- nothing is answered
  command({ input, events, run: () => ({ notify: [] }) })
  // @ts-expect-error -- nothing is answered, sometimes
  command({ input, events, run: async ({ n }) => (n > 0 ? { reply: done({ n }) } : {}) })
  // @ts-expect-error -- the event is not declared
  command({ input, events, run: () => ({ reply: other({}) }) })
  // @ts-expect-error -- it says that there is no reply
  command({ input, events, replyTo: 'nobody', run: ({ n }) => ({ reply: done({ n }) }) })
  // @ts-expect-error -- nobody waits for the reply of an internal command
  command({ input, events, internal: 'later', run: ({ n }) => ({ reply: done({ n }) }) })

  expect(command({ input, events, run: ({ n }) => ({ reply: done({ n }) }) }).replyTo).toBe('user')
  expect(command({ input, events, replyTo: 'nobody', run: () => ({}) }).replyTo).toBe('nobody')
  expect(command({ input, events, internal: 'presence', run: () => ({}) }).replyTo).toBe('nobody')
})

test('what is sent later is declared, and its input is that of its command', () => {
  const run = ({ n }: { n: number }) => ({ reply: done({ n }), later: [[500, remind({ n })] as const] })
  command({ input, events, later: { remind }, run })
  // @ts-expect-error -- remind is not declared
  command({ input, events, run })
  // @ts-expect-error -- a name is no command
  command({ input, events, later: { remind }, run: ({ n }) => ({ reply: done({ n }), later: [[500, 'remind']] }) })
  // @ts-expect-error -- m is no field of remind
  expect(() => remind({ m: 7 })).toThrow(/unrecognized|expected number/i)
  // @ts-expect-error -- n is a number
  expect(() => remind({ n: '7' })).toThrow(/expected number/)
  expect(() => later('at', { when: z.date() })({ when: new Date() })).toThrow(/expected date/) // it would come as a text
  expect(() => later('No Command', {})).toThrow(/no command name/)
})

test('what is sent later is a command of the group, for this use, with this input', () => {
  const asks = command({ input, events, later: { remind }, run: ({ n }) => ({ reply: done({ n }) }) })
  const alone = new Map<string, Command>([['asks', asks]])
  expect(faultOfLater(asks, alone)).toBe('later: there is no command remind in this group')
  expect(faultOfLater(asks, new Map<string, Command>([...alone, ['remind', asks]]))).toMatch(
    /does not say internal: 'later'/,
  )
  const foreign = command({ input, events, internal: 'later', run: () => ({}) })
  expect(faultOfLater(asks, new Map<string, Command>([...alone, ['remind', foreign]]))).toMatch(
    /must take remind.input/,
  )
  expect(faultOfLater(asks, new Map<string, Command>([...alone, ['remind', remindAgain]]))).toBeUndefined()
})

test('fields that the platform fills in are nobody else’s to declare', () => {
  // @ts-expect-error -- the broker fills it in
  expect(() => event('forged', { event: z.string() })).toThrow('the broker fills in the field event')
  for (const field of ['event', 'event_seq', 're', 'at']) {
    expect(() => event('forged', { [field]: z.string() })).toThrow(`the broker fills in the field ${field}`)
  }
  for (const field of ['id', 'expires_at']) {
    const shape = z.object({ [field]: z.string() })
    expect(() => command({ input: shape, events: {}, replyTo: 'nobody', run: () => ({}) })).toThrow(`input: ${field}`)
  }
  expect(() => event('Not a name', {})).toThrow('snake_case')
})

test.each(['from', 'command', 'log', 'signal'])('nothing that a handler uses can be called %s', (name) => {
  const declared = {
    input: z.object({}),
    events: {},
    replyTo: 'nobody',
    uses: { [name]: () => 7 },
    run: () => ({}),
  } as const
  expect(() => command(declared as never)).toThrow(`uses: ${name} is what every handler is told; rename yours`)
})
