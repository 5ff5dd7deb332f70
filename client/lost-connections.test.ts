import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { tokenFor } from '../test/device.ts'
import { openStage, type Stage } from '../test/stage.ts'
import { openProxy, type Proxy } from '../tools/faults/proxy.ts'
import { Closed, connect, fileStore, Timeout, type Board, type NodeOptions, type State } from './node.ts'

// What an app is promised when the connection, the broker's process or its own breaks.

let stage: Stage
let proxy: Proxy
let folder: string
beforeAll(async () => {
  stage = await openStage(['contacts', 'messaging'], { ACCESS: 'everyone', CONNECTS_PER_CLIENT: '1000' })
  proxy = stage.keep(await openProxy(() => stage.broker.ports.mqtts))
  folder = mkdtempSync(join(tmpdir(), 'outbox-'))
})
afterAll(async () => {
  await stage.close()
  rmSync(folder, { recursive: true })
})

let files = 0
const newFile = (): string => join(folder, `${files++}`)

function boardOf(user: string, options: Partial<NodeOptions> = {}): Board {
  const board = connect({
    url: `mqtts://127.0.0.1:${proxy.port}`,
    ca: stage.ca,
    token: () => tokenFor(user, stage.secret),
    ...options,
  })
  stage.keep({ close: () => board.close() })
  return board
}

const becomes = (board: Board, state: State): Promise<void> =>
  new Promise((resolve) => {
    if (board.state === state) resolve()
    board.on('state', (now) => now === state && resolve())
  })

/** What a board passes of these events, with a promise for so many. */
function heard(board: Board, field: string): { all: unknown[]; count(n: number): Promise<void> } {
  const all: unknown[] = []
  let look = (): void => {}
  board.on('message_received', (told) => {
    all.push((told as unknown as Record<string, unknown>)[field])
    look()
  })
  return {
    all,
    count: (n) => new Promise<void>((resolve) => (look = () => void (all.length >= n && resolve()))),
  }
}

test('calls over a connection that breaks again and again: each takes effect once, in order', async () => {
  const [ann, ben] = [boardOf('ann'), boardOf('ben')]
  const bodies = heard(ben, 'body')
  const faults: unknown[] = []
  for (const board of [ann, ben]) board.on('fault', (err) => faults.push(err))
  await Promise.all([becomes(ann, 'online'), becomes(ben, 'online')])
  const wanted = Array.from({ length: 120 }, (_, i) => `message ${i}`)
  const sent: Promise<{ seq: number }>[] = []
  for (const [i, body] of wanted.entries()) {
    sent.push(ann.call('send_message', { to: 'ben', body }))
    if (i % 30 !== 15) continue
    await sent[i - 5]
    proxy.cut()
  }
  const seqs = (await Promise.all(sent)).map(({ seq }) => seq)
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
  if (bodies.all.length < wanted.length) await bodies.count(wanted.length)
  expect(bodies.all).toEqual(wanted)
  await ann.call('whoami')
  expect([ann.waiting, faults]).toEqual([[], []])
})

test('a connection that nobody answers on is noticed by a ping when the app wakes', async () => {
  const board = boardOf('cleo')
  await becomes(board, 'online')
  proxy.blackhole(true)
  const lost = becomes(board, 'offline')
  board.wake()
  await lost
  expect(board.reason).toBe('the broker does not answer')
  proxy.blackhole(false)
  board.wake()
  await becomes(board, 'online')
})

test('calls made offline wait, over a restart of the app, and go out in order', async () => {
  const [file, sink] = [newFile(), boardOf('dan')]
  const bodies = heard(sink, 'body')
  await becomes(sink, 'online')
  const offline = boardOf('eve', { url: 'mqtts://127.0.0.1:1', store: fileStore(file) })
  const lost = ['one', 'two', 'three'].map((body) => offline.call('send_message', { to: 'dan', body }))
  const ends = Promise.allSettled(lost)
  await becomes(offline, 'offline')
  await offline.close()
  for (const { status } of await ends) expect(status).toBe('rejected')
  await expect(lost[0]).rejects.toThrow(Closed)

  const back = boardOf('eve', { store: fileStore(file) })
  await back.call('send_message', { to: 'dan', body: 'four' })
  if (bodies.all.length < 4) await bodies.count(4)
  expect(bodies.all).toEqual(['one', 'two', 'three', 'four'])
})

test('what was missed while the app was closed is passed once, after its last event', async () => {
  const file = newFile()
  const first = boardOf('fay', { store: fileStore(file) })
  const before = heard(first, 'body')
  const resets: number[] = []
  first.on('reset', () => resets.push(1))
  await becomes(first, 'online')
  const gil = boardOf('gil')
  await gil.call('send_message', { to: 'fay', body: 'a' })
  if (before.all.length === 0) await before.count(1)
  await first.close()
  for (const body of ['b', 'c']) await gil.call('send_message', { to: 'fay', body })

  const second = boardOf('fay', { store: fileStore(file) })
  const after = heard(second, 'body')
  second.on('reset', () => resets.push(2))
  await after.count(2)
  expect([before.all, after.all, resets]).toEqual([['a'], ['b', 'c'], [1]])
})

test('a file is held by one board at a time', async () => {
  const file = newFile()
  const first = boardOf('hal', { store: fileStore(file) })
  await first.call('whoami')
  const second = boardOf('hal', { store: fileStore(file) })
  second.on('fault', () => {})
  await expect(second.call('whoami')).rejects.toThrow(/another process holds the outbox/)
})

test('a time-out and an abort end the wait, and the command runs all the same', async () => {
  const [jan, kim] = [boardOf('jan'), boardOf('kim')]
  const bodies = heard(kim, 'body')
  await becomes(kim, 'online')
  await becomes(jan, 'online')
  proxy.blackhole(true)
  const abort = new AbortController()
  const late = jan.call('send_message', { to: 'kim', body: 'late' }, { timeout: 10 })
  const aborted = jan.call('send_message', { to: 'kim', body: 'aborted' }, { signal: abort.signal })
  await expect(late).rejects.toThrow(Timeout)
  abort.abort(new Error('enough'))
  await expect(aborted).rejects.toThrow('enough')
  expect(jan.waiting.map(({ fields }) => fields['body'])).toEqual(['late', 'aborted'])
  proxy.blackhole(false)
  proxy.cut()
  if (bodies.all.length < 2) await bodies.count(2)
  expect(bodies.all).toEqual(['late', 'aborted'])
})

test('close waits for the answers when it is told to', async () => {
  const [liz, max] = [boardOf('liz'), boardOf('max')]
  const bodies = heard(max, 'body')
  await becomes(max, 'online')
  const sent = ['x', 'y'].map((body) => liz.call('send_message', { to: 'max', body }))
  await new Promise((resolve) => setImmediate(resolve))
  await liz.close('flush', 60_000)
  await Promise.all(sent)
  if (bodies.all.length < 2) await bodies.count(2)
  expect(bodies.all).toEqual(['x', 'y'])
})
