import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { tokenFor } from '../test/device.ts'
import { openStage, type Stage } from '../test/stage.ts'
import { openProxy } from '../tools/faults/proxy.ts'
import { connect, Uncertain, type Board } from './node.ts'

// What the broker's bounds mean to an app: its rate, and how long it knows a command's id.

let stage: Stage
afterAll(() => stage.close())
beforeAll(async () => {
  stage = await openStage('messaging', { ACCESS: 'everyone', PUBLISHES_PER_USER: '200', IDEMPOTENCY_WINDOW: '0' })
})

function boardOf(user: string, url = stage.url): Board {
  const board = connect({ url, ca: stage.ca, token: () => tokenFor(user, stage.secret) })
  stage.keep({ close: () => board.close() })
  return board
}

test('more calls than the broker takes at once are sent as fast as it takes them, in order, and none is refused', async () => {
  const [ann, ben] = [boardOf('ann'), boardOf('ben')]
  const bodies: number[] = []
  const refused: unknown[] = []
  const all = new Promise<void>((resolve) => {
    ben.on('message_received', ({ body }) => {
      if (bodies.push(Number(body)) === 300) resolve()
    })
  })
  ann.on('command_rejected', (event) => refused.push(event))
  await ben.call('whoami')
  const numbers = Array.from({ length: 300 }, (_, i) => i)
  await Promise.all(numbers.map((number) => ann.call('send_message', { to: 'ben', body: String(number) })))
  await all
  expect([bodies, refused, ann.waiting]).toEqual([numbers, [], []])
}, 60_000)

test('a call that is older than the broker knows its id is told as uncertain, and is not sent again', async () => {
  const proxy = stage.keep(await openProxy(() => stage.broker.ports.mqtts))
  const ida = boardOf('ida', `mqtts://127.0.0.1:${proxy.port}`)
  await ida.call('whoami')
  const told = new Promise((resolve) => ida.on('uncertain', resolve))
  const offline = new Promise<void>((resolve) => ida.on('state', (state) => state === 'offline' && resolve()))
  proxy.blackhole(true) // it is sent, and vanishes
  const end = ida.call('send_message', { to: 'jan', body: 'z' }).catch((err: unknown) => err)
  await new Promise((resolve) => setImmediate(resolve))
  ida.wake()
  await offline
  proxy.blackhole(false)
  proxy.cut()
  expect(await end).toBeInstanceOf(Uncertain)
  expect(await told).toMatchObject({ command: 'send_message' })
  expect((await ida.call('get_messages', { with: 'jan' })).messages).toEqual([])
})
