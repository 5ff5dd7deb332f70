import { expect, test } from '@jest/globals'
import { KnownCalls, meaningOf, nextState, type CallState, type Happening } from './call-state.ts'

const after = (...all: Happening[]): CallState => all.reduce<CallState>(nextState, 'ringing')

test('a call rings, connects, comes back after a loss, and ends once', () => {
  expect(after('answered')).toBe('connecting')
  expect(after('answered', 'up')).toBe('connected')
  expect(after('answered', 'up', 'down')).toBe('reconnecting')
  expect(after('answered', 'up', 'down', 'up')).toBe('connected')
  expect(after('answered', 'over', 'answered', 'up', 'down')).toBe('ended')
  expect(after('over')).toBe('ended')
})

test('what comes late or twice changes nothing', () => {
  expect(after('up')).toBe('ringing')
  expect(after('answered', 'answered')).toBe('connecting')
  expect(after('answered', 'up', 'answered')).toBe('connected')
})

test('a call that another device of the callee answered is over here; the caller has but one call', () => {
  expect(meaningOf({ state: 'answered', direction: 'in', client_id: 'tablet' }, 'phone')).toBe('answered_elsewhere')
  expect(meaningOf({ state: 'answered', direction: 'in', client_id: 'phone' }, 'phone')).toBe('answered')
  expect(meaningOf({ state: 'answered', direction: 'out' }, 'phone')).toBe('answered')
  expect(meaningOf({ state: 'missed', direction: 'in' }, 'phone')).toBe('missed')
})

test('a call that is over does not ring again, and the oldest are forgotten', () => {
  const known = new KnownCalls(2)
  known.learn('a', 'ringing')
  known.learn('a', 'over')
  known.learn('a', 'ringing')
  expect(known.get('a')).toBe('over')
  known.learn('b', 'over')
  known.learn('c', 'ringing')
  expect([known.get('a'), known.get('b'), known.get('c')]).toEqual([undefined, 'over', 'ringing'])
})
