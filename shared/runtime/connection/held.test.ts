import { expect, test } from '@jest/globals'
import { begin, claims } from './claim.ts'
import { Holdings } from './held.ts'

const DELIVERIES = 8

test.each(Array.from({ length: DELIVERIES }, (_, moment) => moment))(
  'no delivery begins after an earlier one was taken back: the main thread goes on when %i have been looked at',
  (moment) => {
    const states = claims(DELIVERIES)
    const begun: number[] = []
    const mainGoesOn = (): void => {
      for (let i = 0; i < DELIVERIES; i++) if (begin(states, i)) begun.push(i + 1)
    }
    const held = new Holdings()
    let looked = 0
    for (let i = 0; i < DELIVERIES; i++) {
      held.add({
        n: i + 1,
        name: 'send_message',
        command: `${i}`,
        attempt: 1,
        timeoutMs: 1,
        get claims() {
          if (looked++ === moment) mainGoesOn()
          return states
        },
        i,
      })
    }
    const back = held.takeBackWaiting().map(({ n }) => n)
    expect([...begun, ...back]).toEqual(Array.from({ length: DELIVERIES }, (_, i) => i + 1))
    expect(begun).toHaveLength(DELIVERIES - moment)
  },
)
