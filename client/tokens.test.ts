import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Device, tokenFor } from '../test/device.ts'
import { openStage, type Stage } from '../test/stage.ts'
import { connect, type Board, type FetchToken, type State } from './node.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts'])
})
afterAll(() => stage.close())

function boardOf(token: FetchToken): Board {
  const board = connect({ url: stage.url, ca: stage.ca, token })
  stage.keep({ close: () => board.close() })
  return board
}
const becomes = (board: Board, state: State): Promise<void> =>
  new Promise((resolve) => {
    if (board.state === state) resolve()
    board.on('state', (now) => now === state && resolve())
  })
const endsIn = (seconds: number): object => ({ exp: Math.floor(Date.now() / 1000) + seconds })

test('the token is asked for again before the session ends, which then goes on', async () => {
  let times = 0
  const board = boardOf(() => tokenFor('ann', stage.secret, times++ === 0 ? endsIn(30) : endsIn(3_600)))
  const told: State[] = []
  await becomes(board, 'online')
  board.on('state', (state) => told.push(state))
  const expiring = new Promise((resolve) => board.on('session_expiring', resolve))
  await expiring
  while (Date.parse((await board.call('whoami')).expires_at) - Date.now() < 600_000);
  expect([times, told]).toEqual([2, []])
})

test('a token that is refused is asked for once more, then nothing is tried until somebody signs in', async () => {
  const asked: boolean[] = []
  let token: string | undefined = 'no.such.token'
  const board = boardOf(({ wasRefused }) => {
    asked.push(wasRefused)
    return token
  })
  await becomes(board, 'refused')
  expect([asked, board.reason]).toEqual([[false, true], 'the token is not accepted'])
  token = undefined
  board.retry()
  await new Promise((resolve) => board.on('state', (state, reason) => state === 'refused' && resolve(reason)))
  expect(board.reason).toBe('there is no token')
  token = tokenFor('bob', stage.secret)
  board.retry()
  await becomes(board, 'online')
})

test('an app that cannot fetch a token now tries again', async () => {
  let times = 0
  const board = boardOf(() => {
    if (times++ === 0) throw new Error('no network')
    return tokenFor('cid', stage.secret)
  })
  await becomes(board, 'offline')
  expect(board.reason).toBe('cannot get a token: no network')
  await becomes(board, 'online')
})

test('a banned user is told so', async () => {
  const board = boardOf(() => tokenFor('dee', stage.secret))
  await becomes(board, 'online')
  const operator = await Device.connect('op', stage.url, stage.secret, stage.ca, {
    token: tokenFor('op', stage.secret, { role: 'operator' }),
  })
  stage.keep({ close: () => operator.mqtt.endAsync(true) })
  await operator.asks('ban_user', { user_id: 'dee' })
  await becomes(board, 'refused')
  expect(board.reason).toBe('the user is banned')
})

test('what one user has left in the outbox is not sent in the name of another', async () => {
  let user = 'eli'
  const board = boardOf(() => tokenFor(user, stage.secret))
  await board.call('whoami')
  user = 'fin'
  const operator = await Device.connect('op', stage.url, stage.secret, stage.ca, {
    token: tokenFor('op', stage.secret, { role: 'operator' }),
  })
  stage.keep({ close: () => operator.mqtt.endAsync(true) })
  const offline = becomes(board, 'offline')
  await operator.asks('kick_user', { user_id: 'eli' })
  await offline
  const asked = board.call('request_contact', { user_id: 'gus' })
  await expect(asked).rejects.toThrow('another user has logged in')
  expect((await board.call('whoami')).user_id).toBe('fin')
})
