import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { KEEPALIVE, Pulse, TICK } from './pulse.ts'

/** Both threads' view of the same process. */
let main: Pulse
let connection: Pulse
beforeEach(() => {
  jest.useFakeTimers()
  main = new Pulse()
  connection = new Pulse(main.buffer)
  connection.tick()
  connection.heard()
})
afterEach(() => {
  jest.useRealTimers()
})

/** Time passes, and the connection thread sees it. */
function passes(ms: number): void {
  for (let at = 0; at < ms; at += TICK) {
    jest.advanceTimersByTime(TICK)
    connection.tick()
  }
}

test('what is held is known to be so while the broker is heard and the clock goes on', () => {
  for (let i = 0; i < 10; i++) {
    passes(KEEPALIVE * 1_000)
    expect(main.isHeld).toBe(true)
    connection.heard()
  }
})

test('after a silence it is not, before the broker would have given it up, until the broker is heard again', () => {
  passes(KEEPALIVE * 1_400)
  expect(main.isHeld).toBe(false)
  connection.heard()
  expect(main.isHeld).toBe(true)
})

test('nor when the whole process stood still, though its timers have fired since', () => {
  jest.advanceTimersByTime(3_000)
  expect(main.isHeld).toBe(false)
  connection.tick()
  expect(main.isHeld).toBe(false)
  connection.heard()
  expect(main.isHeld).toBe(true)
})

test('the main thread computes when it gives no sign for a second; what it holds is its own all the same', () => {
  const stops = main.beat()
  passes(5_000)
  expect(connection.isStalled).toBe(false)
  connection.heard()
  stops()
  passes(1_000 + 2 * TICK)
  expect(connection.isStalled).toBe(true)
  expect(main.isHeld).toBe(true)
  main.beat()
  passes(2 * TICK)
  expect(connection.isStalled).toBe(false)
})

test('a process that stood still as a whole does not take itself for one that computes', () => {
  main.beat()
  passes(1_000)
  connection.tick() // what the others' timers would have done comes later
  expect(connection.isStalled).toBe(false)
})
