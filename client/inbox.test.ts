import { expect, test } from '@jest/globals'
import { Inbox, type Incoming } from './inbox.ts'
import { Listeners } from './listeners.ts'

// An app whose listeners are slower than its events.

const PAGE = 50
const event = (seq: number): Incoming => ({ event: 'said', event_seq: seq, at: '' })

/** An inbox whose listener waits until it is let go, and a broker that keeps all events. */
function slowApp() {
  const kept: Incoming[] = []
  const heard: number[] = []
  const faults: unknown[] = []
  const dropped: string[] = []
  let [held, most] = [0, 0]
  let letGo = (): void => {}
  const gate = new Promise<void>((resolve) => (letGo = resolve))
  const listeners = new Listeners((err) => faults.push(err))
  listeners.add('said', async ({ event_seq }: Incoming) => {
    await gate
    heard.push(event_seq!)
  })
  const inbox = new Inbox({
    async sync({ since = 0 }) {
      const events = kept.filter(({ event_seq }) => event_seq! > since)
      const page = { recovered: true, epoch: 'e', last: kept.length, more: events.length > PAGE, at: '' }
      return { ...page, events: events.slice(0, PAGE) as never }
    },
    pass(one, then) {
      most = Math.max(most, ++held)
      listeners.pass([one.event], one, () => {
        held--
        then?.()
      })
    },
    get isFull() {
      return listeners.isFull
    },
    room: () => listeners.room(),
    dropped: (one) => void dropped.push(one.event),
    reset: () => faults.push('reset'),
    reached: () => {},
  })
  inbox.restore({ epoch: 'e', since: 0 })
  const happens = (count: number): void => {
    for (let i = 0; i < count; i++) {
      kept.push(event(kept.length + 1))
      inbox.receive(kept.at(-1)!, '', false)
    }
  }
  return { inbox, kept, heard, faults, dropped, letGo, happens, most: () => most }
}
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)
const all = async (heard: number[], count: number): Promise<void> => {
  while (heard.length < count) await new Promise((resolve) => setImmediate(resolve))
}

test('what comes while the listeners are slow is kept by the broker, and passed once, in order, when they are done', async () => {
  const { inbox, heard, faults, letGo, happens, most } = slowApp()
  await inbox.catchUp(() => {})
  happens(3_000)
  inbox.receive({ event: 'typing', at: '' }, 'typing', false)
  expect(most()).toBeLessThan(700)
  letGo()
  await all(heard, 3_000)
  happens(10)
  await all(heard, 3_010)
  expect([heard, faults]).toEqual([numbers(3_010), []])
  expect(most()).toBeLessThan(700)
})

test('what was missed is fetched no faster than the listeners take it, and calls need not wait for that', async () => {
  const { inbox, kept, heard, letGo, happens, most } = slowApp()
  for (const seq of numbers(2_000)) kept.push(event(seq))
  let isCalling = (): void => {}
  const calling = new Promise<void>((resolve) => (isCalling = resolve))
  const caughtUp = inbox.catchUp(isCalling)
  happens(1_000) // more than may wait for the first page
  await calling
  expect(most()).toBeLessThan(700)
  letGo()
  await caughtUp
  await all(heard, 3_000)
  expect(heard).toEqual(numbers(3_000))
  expect(most()).toBeLessThan(700)
})

test('events without a number, which are for now, are dropped while the listeners are slow', async () => {
  const { inbox, dropped, happens } = slowApp()
  await inbox.catchUp(() => {})
  inbox.receive({ event: 'typing', at: '' }, 'a', false)
  happens(1_000)
  inbox.receive({ event: 'typing', at: '' }, 'b', false)
  expect(dropped).toEqual(['typing'])
})
