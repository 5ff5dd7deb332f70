import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { KEEPALIVE, Pulse, TICK } from './pulse.ts'

/** The views of both threads of one process. */
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

/** Lets time pass, with the ticks of the connection thread. */
function passes(ms: number): void {
  for (let at = 0; at < ms; at += TICK) {
    jest.advanceTimersByTime(TICK)
    connection.tick()
  }
}

test('deliveries are surely held while the broker is heard and the clock ticks', () => {
  for (let i = 0; i < 10; i++) {
    passes(KEEPALIVE * 1_000)
    expect(main.isHeld).toBe(true)
    connection.heard()
  }
})

test('after a silence they are not, before the broker gives them up, until the broker is heard again', () => {
  passes(KEEPALIVE * 1_400)
  expect(main.isHeld).toBe(false)
  connection.heard()
  expect(main.isHeld).toBe(true)
})

test('nor after the whole process was suspended, though its timers have fired since', () => {
  jest.advanceTimersByTime(3_000)
  expect(main.isHeld).toBe(false)
  connection.tick()
  expect(main.isHeld).toBe(false)
  connection.heard()
  expect(main.isHeld).toBe(true)
})

test('the main thread counts as blocked after a second without a beat; its deliveries are still held', () => {
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

test('a process that was suspended as a whole does not count as blocked', () => {
  main.beat()
  passes(1_000)
  connection.tick() // the main thread's timers fire only later
  expect(connection.isStalled).toBe(false)
})
