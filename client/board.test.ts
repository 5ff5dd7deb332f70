import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { WebSocket } from 'ws'
import { CLIENT_EVENTS } from '../shared/wire/reserved.ts'
import { tokenFor } from '../test/device.ts'
import { openStage, type Stage } from '../test/stage.ts'
import { connect, memoryStore, Rejected, type Board, type NodeOptions, type OwnEvents } from './node.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'messaging'])
})
afterAll(() => stage.close())

function boardOf(user: string, options: Partial<NodeOptions> = {}): Board {
  const { url, ca, secret } = stage
  const board = connect({ url, ca, token: () => tokenFor(user, secret), ...options })
  stage.keep({ close: () => board.close() })
  return board
}

test('a call is answered, over TLS and over WebSocket', async () => {
  const { wss, ca } = stage
  for (const options of [
    {},
    { url: wss, webSocket: (url: string, protocol: string) => new WebSocket(url, protocol, { ca }) as never },
  ]) {
    const board = boardOf('wanda', options)
    const { contacts } = await board.call('get_contact_list', {})
    expect(contacts).toEqual([])
    expect([board.state, board.user]).toEqual(['online', 'wanda'])
  }
})

test('what one calls, another hears', async () => {
  const [alice, bob] = [boardOf('alice'), boardOf('bob')]
  const asked = new Promise((resolve) => bob.on('contact_requested', resolve))
  const sent = await alice.call('request_contact', { user_id: 'bob', note: 'hello' })
  expect(sent).toMatchObject({ event: 'contact_request_sent', user_id: 'bob' })
  expect(await asked).toMatchObject({ user_id: 'alice', note: 'hello' })
})

test('a refusal is thrown, with its code and its fields', async () => {
  const alice = boardOf('alice')
  const refused = await alice.call('request_contact', { user_id: 'alice' }).catch((err: unknown) => err)
  expect(refused).toBeInstanceOf(Rejected)
  expect(refused).toMatchObject({ command: 'request_contact', code: 'bad_payload', fields: { user_id: 'is yourself' } })
})

test('a wait that is aborted while the store is being opened ends', async () => {
  let open = (): void => {}
  const opening = new Promise<Map<string, string>>((resolve) => (open = () => resolve(new Map())))
  const board = boardOf('yves', { store: { ...memoryStore(), open: () => opening }, token: () => undefined })
  const abort = new AbortController()
  const asked = board.call('request_contact', { user_id: 'zoe' }, { signal: abort.signal, timeout: 60_000 })
  abort.abort(new Error('given up'))
  open()
  await expect(asked).rejects.toThrow('given up')
})

test('handlers may declare no event by the name of one of the client’s own', () => {
  const own: Record<Exclude<keyof OwnEvents, '*'>, true> = {
    reset: true,
    state: true,
    waiting: true,
    uncertain: true,
    fault: true,
  }
  expect(Object.keys(own)).toEqual([...CLIENT_EVENTS])
})
