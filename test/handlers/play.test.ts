import { afterAll, expect, test } from '@jest/globals'
import { z } from 'zod'
import { command, event, type DeclaredCommand } from '../../shared/runtime/command.ts'
import type { Store } from '../../shared/store/documents.ts'
import { Unavailable } from '../../shared/wire/refusal.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { ownData } from '../own-data.ts'
import { Play } from './play.ts'

// How the stage reports faulty handlers.

const said = event('said', { n: z.number() })
const counter = (store: Store) => store.collection<{ _id: string; n: number }>({ name: 'counters' })
const declared = { input: z.object({}), events: { said } }
const COMMANDS = new Map<string, DeclaredCommand>([
  [
    'count',
    command({
      ...declared,
      uses: { counter },
      async run(_, { from, counter }) {
        const now = await counter.change(from.user, (one) => ({ _id: from.user, n: (one?.n ?? 0) + 1 }))
        return { reply: said({ n: now!.n }) }
      },
    }),
  ],
  ['fail', command({ ...declared, run: () => Promise.reject(new TypeError('no such luck')) })],
  ['wait', command({ ...declared, run: () => Promise.reject(new Unavailable('the moon is away')) })],
  [
    'shout',
    command({ ...declared, run: () => ({ reply: said({ n: 1 }), notify: [['no user' as never, said({ n: 1 })]] }) }),
  ],
])

const data = await ownData()
afterAll(() => data.close())
const play = new Play(COMMANDS, await data.store(), {} as never, { deliver: () => {}, forget: () => {} })
const sends = (name: string, crashes = false) =>
  play.send({ user: userIdOf('alice'), client: 'phone', clients: [] }, name, {}, crashes)

test('a command that counts again when it comes again is told', async () => {
  expect(await sends('count')).toMatchObject({ event: 'said', n: 1 })
  await expect(sends('count', true)).rejects.toThrow(
    /count runs once more with the same command\.id and has other effects/,
  )
})

test("a handler's own error comes with the line that threw it, and a store that is away with its reason", async () => {
  await expect(sends('fail')).rejects.toThrow('fail failed: TypeError: no such luck')
  await expect(sends('fail')).rejects.toMatchObject({ stack: expect.stringContaining('play.test.ts') })
  await expect(sends('wait')).rejects.toThrow('wait was put off: the moon is away')
})

test('effects that the broker would refuse fail', async () => {
  await expect(sends('shout')).rejects.toThrow(/events\.1\.to/)
})
