import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { z } from 'zod'
import { command, event } from '../shared/runtime/command.ts'
import { openStage, type Stage } from './stage.ts'

const echoed = event('echoed', { text: z.string() })
const echo = command({
  input: z.object({ text: z.string() }),
  events: { echoed },
  run: ({ text }) => ({ reply: echoed({ text }) }),
})
let stage: Stage
beforeAll(async () => {
  stage = await openStage()
  await stage.serve('demo', new Map([['echo', echo]]))
})
afterAll(() => stage.close())

test('echo', async () => {
  const alice = await stage.device('alice')
  expect(await alice.asks('echo', { text: 'hi' })).toMatchObject({ event: 'echoed', text: 'hi' })
  expect(await alice.asks('whoami')).toMatchObject({ event: 'session_info', user_id: 'alice' })
  expect(await alice.asks('nothing')).toMatchObject({ event: 'command_rejected', code: 'unknown_command' })
  expect(await alice.asks('echo', { txt: 'hi' })).toMatchObject({ event: 'command_rejected', code: 'bad_payload' })
  expect(await alice.unread()).toEqual([])
})
