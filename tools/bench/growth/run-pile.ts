import { setTimeout as pause } from 'node:timers/promises'
import type { Store } from '../../../shared/store/documents.ts'
import { userIdOf } from '../../../shared/wire/user-id.ts'
import { countingStore, type Work } from '../../../test/counting-store.ts'
import { latencies } from '../../load/statistics.ts'
import { openPlay, type Play } from '../catalogue.ts'
import { openPlace, type Ask, type Pile } from './pile.ts'
import { commandOf } from './piles.ts'

/** What a command costs at one size of a pile. */
export interface Cost {
  /** The store's work for the costliest call. */
  readonly work: Work
  /** Milliseconds. */
  readonly p50: number
  /** How long others wait for a cheap command of the same process meanwhile, in milliseconds. */
  readonly others: number
}

/** Milliseconds from one command of the bystander to the next. */
const EVERY = 2
/** Milliseconds for one command's samples. */
const LONGEST = 4_000
const bystander = userIdOf('bystander')

/** Stores a pile of this size, and runs each of its commands so many times. */
export async function runPile(
  store: Store,
  pile: Pile,
  size: number,
  samples: number,
): Promise<ReadonlyMap<string, Cost>> {
  const { store: counting, work } = countingStore(store)
  const play = await openPlay(counting, pile.settings)
  const asks = await pile.fill(openPlace(counting, play, pile.what, size))
  const other = await openPlay(store)
  const costs = new Map<string, Cost>()
  for (const [name, ask] of Object.entries(asks)) {
    const watch = watchFor(other)
    const most: Work = { read: 0, counted: 0, written: 0 }
    const took: number[] = []
    const end = performance.now() + LONGEST
    for (let i = 0; i < samples && (i === 0 || performance.now() < end); i++) {
      const call = await prepared(play, ask, i)
      const [before, began] = [work(), performance.now()]
      const done = await play(call.user, commandOf(name), call.input)
      took.push(performance.now() - began)
      for (const kind of ['read', 'counted', 'written'] as const) {
        most[kind] = Math.max(most[kind], work()[kind] - before[kind])
      }
      call.ended?.(done)
      await pause(EVERY)
    }
    costs.set(name, { work: most, p50: latencies(took).p50, others: latencies(await watch.end()).p99 })
  }
  return costs
}

async function prepared(play: Play, ask: Ask, i: number) {
  const call = await ask(i)
  for (const [user, command, input] of call.first ?? []) await play(user, command, input)
  return call
}

/** A bystander who sends a command every few milliseconds. Measures each from when it was due. */
function watchFor(play: Play): { end(): Promise<number[]> } {
  const waited: number[] = []
  const over = new AbortController()
  const watching = (async () => {
    while (!over.signal.aborted) {
      const due = performance.now() + EVERY
      await pause(EVERY)
      await play(bystander, 'get_profile', { user_id: bystander })
      waited.push(performance.now() - due)
    }
  })()
  return {
    async end() {
      over.abort()
      await watching
      return waited
    },
  }
}
