import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { command, event, later, type DeclaredCommand } from './command.ts'
import { faultOfLater } from './scan.ts'

// What a declaration may hold. Much of this is checked by `npm run types`: each @ts-expect-error marks what must not compile.

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

test('a command answers with a reply or a refusal, unless it declares that it has no reply', () => {
  // @ts-expect-error -- nothing is answered
  command({ input, events, run: () => ({}) })
  // @ts-expect-error -- nothing is answered
  command({ input, events, run: () => ({ notify: [] }) })
  // @ts-expect-error -- nothing is answered, sometimes
  command({ input, events, run: async ({ n }) => (n > 0 ? { reply: done({ n }) } : {}) })
  // @ts-expect-error -- the event is not declared
  command({ input, events, run: () => ({ reply: other({}) }) })
  // @ts-expect-error -- it declares that there is no reply
  command({ input, events, replyTo: 'nobody', run: ({ n }) => ({ reply: done({ n }) }) })
  // @ts-expect-error -- nobody waits for the reply of an internal command
  command({ input, events, internal: 'later', run: ({ n }) => ({ reply: done({ n }) }) })

  expect(command({ input, events, run: ({ n }) => ({ reply: done({ n }) }) }).replyTo).toBe('user')
  expect(command({ input, events, replyTo: 'nobody', run: () => ({}) }).replyTo).toBe('nobody')
  expect(command({ input, events, internal: 'presence', run: () => ({}) }).replyTo).toBe('nobody')
})

test('replies are events of the declaration, by their keys', () => {
  const run = () => ({ reply: done({ n: 7 }) })
  expect([...command({ input, events: { first: other, second: done }, replies: ['second'], run }).replies]).toEqual([
    'done',
  ])
  // @ts-expect-error -- there is no such event
  expect(() => command({ input, events, replies: ['other'], run })).toThrow('replies: other is not among `events`')
})

test('a later command is declared, and its input is checked by the schema of that command', () => {
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
  expect(() => later('at', { when: z.date() })({ when: new Date() })).toThrow(/expected date/) // it would arrive as a string
  expect(() => later('No Command', {})).toThrow(/is not a command name/)
})

test('a later command is a command of the same group, internal for this use, with the same input', () => {
  const asks = command({ input, events, later: { remind }, run: ({ n }) => ({ reply: done({ n }) }) })
  const alone = new Map<string, DeclaredCommand>([['asks', asks]])
  expect(faultOfLater(asks, alone)).toBe('later: this group has no command remind')
  expect(faultOfLater(asks, new Map<string, DeclaredCommand>([...alone, ['remind', asks]]))).toMatch(
    /must declare internal: 'later'/,
  )
  const foreign = command({ input, events, internal: 'later', run: () => ({}) })
  expect(faultOfLater(asks, new Map<string, DeclaredCommand>([...alone, ['remind', foreign]]))).toMatch(
    /must declare input: remind.input/,
  )
  expect(faultOfLater(asks, new Map<string, DeclaredCommand>([...alone, ['remind', remindAgain]]))).toBeUndefined()
})

test('a declaration cannot have fields that the platform fills in', () => {
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

test.each(['from', 'command', 'log', 'signal'])('a capability cannot be called %s', (name) => {
  const declared = {
    input: z.object({}),
    events: {},
    replyTo: 'nobody',
    uses: { [name]: () => 7 },
    run: () => ({}),
  } as const
  expect(() => command(declared as never)).toThrow(`uses: every handler gets ${name} already; rename yours`)
})
