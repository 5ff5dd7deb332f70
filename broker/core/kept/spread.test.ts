import { expect, test } from '@jest/globals'
import { AT_ONCE, Spread } from './spread.ts'

const turn = (): Promise<void> => new Promise((go) => void setImmediate(go))
const users = (count: number): string[] => Array.from({ length: count }, (_, i) => `user-${i}`)

/** A spread, and what was served: each receiver with the name of what they got. */
function served() {
  const spread = new Spread()
  const got: string[] = []
  const send = (what: string, to: readonly string[]): void =>
    spread.over(to, { serve: (place) => got.push(`${to[place]} ${what}`), ended: () => got.push(`end of ${what}`) })
  return { spread, got, send }
}

test('few receivers are served at once', () => {
  const { got, send, spread } = served()
  send('one', ['alice', 'bob'])
  expect(got).toEqual(['alice one', 'bob one', 'end of one'])
  expect(spread.isIdle).toBe(true)
})

test('many receivers are served in parts, one each turn, in order', async () => {
  const { got, send, spread } = served()
  const crowd = users(3 * AT_ONCE)
  send('one', crowd)
  expect(got).toEqual([])
  for (const parts of [1, 2]) {
    await turn()
    expect(got).toEqual(crowd.slice(0, parts * AT_ONCE).map((user) => `${user} one`))
    expect(spread.isIdle).toBe(false)
  }
  await turn()
  expect(got).toEqual([...crowd.map((user) => `${user} one`), 'end of one'])
  expect(spread.isIdle).toBe(true)
})

test('jobs share a turn, so that a small one does not wait for a large one', async () => {
  const { got, send } = served()
  send('large', users(100 * AT_ONCE))
  const few = users(4 * AT_ONCE).map((user) => `other ${user}`)
  send('small', few)
  while (!got.includes('end of small')) await turn()
  expect(got.filter((one) => one.endsWith(' large')).length).toBeLessThan(50 * AT_ONCE)
})

test('a backlog is served faster the longer it is', async () => {
  const { got, send } = served()
  for (let i = 0; i < 100; i++) send(`${i}`, users(1_000))
  await turn()
  expect(got.length).toBeGreaterThanOrEqual(100_000 / 32)
})

test('each receiver gets everything in order, whatever they wait for', async () => {
  const { got, send, spread } = served()
  const crowd = users(10 * AT_ONCE)
  const last = crowd.at(-1)!
  send('one', crowd)
  send('two', crowd.toReversed())
  await turn()
  send('three', [last])
  const its = (): string[] => got.filter((one) => one.startsWith(`${last} `))
  expect(its()).toEqual([`${last} one`, `${last} two`, `${last} three`])
  spread.settle(crowd[300]!)
  expect(got.slice(-2)).toEqual([`${crowd[300]} one`, `${crowd[300]} two`])
  spread.finish()
  expect(spread.isIdle).toBe(true)
  for (const user of crowd) {
    const order = got.filter((one) => one.startsWith(`${user} `)).map((one) => one.slice(user.length + 1))
    expect(order).toEqual(user === last ? ['one', 'two', 'three'] : ['one', 'two'])
  }
  expect(got.slice(-2)).toEqual(['end of one', 'end of two'])
})
