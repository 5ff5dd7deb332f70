import { randomUUID } from 'node:crypto'
import type { ToldError } from '../../../shared/wire/told-error.ts'
import type { DeadLetter } from './dead-letters.ts'

/** How a replayed command has ended. */
export interface Ended {
  outcome: 'done' | 'refused' | 'dead'
  /** Why it was refused or died again. */
  code?: string | undefined
  error?: ToldError | undefined
}

/** One command of a replay, as an operator sees it. */
interface Named {
  id: string
  command: string
  user: string
  group: string
}

interface Batch {
  /** By command and group. */
  readonly waiting: Map<string, Named>
  readonly ended: (Named & Ended)[]
}

/** Replays that are remembered, and the ends of each, at most. The oldest replay is forgotten first. */
const MAX_BATCHES = 10
const MAX_ENDED = 10_000
const MAX_SHOWN = 100

export type Replays = ReturnType<typeof openReplays>

/** Records how replayed commands end, for the operator who waits for that. In memory only: a restart forgets it. */
export function openReplays() {
  const batches = new Map<string, Batch>()
  const waitedFor = new Map<string, Batch>()

  function forget(id: string): void {
    for (const key of batches.get(id)?.waiting.keys() ?? []) waitedFor.delete(key)
    batches.delete(id)
  }

  return {
    begin(): string {
      const id = randomUUID()
      batches.set(id, { waiting: new Map(), ended: [] })
      if (batches.size > MAX_BATCHES) forget(batches.keys().next().value!)
      return id
    },
    /** Adds letters that are commands again. */
    add(id: string, letters: readonly DeadLetter[]): void {
      const batch = batches.get(id)
      for (const { command, group } of batch ? letters : []) {
        const key = keyOf(command.id, group)
        batch!.waiting.set(key, { id: command.id, command: command.name, user: command.user, group })
        waitedFor.set(key, batch!)
      }
    },
    /** A command has ended in a group; most commands belong to no replay. */
    ended(commandId: string, group: string, how: () => Ended): void {
      if (waitedFor.size === 0) return
      const key = keyOf(commandId, group)
      const batch = waitedFor.get(key)
      const named = batch?.waiting.get(key)
      if (!batch || !named) return
      waitedFor.delete(key)
      batch.waiting.delete(key)
      if (batch.ended.length < MAX_ENDED) batch.ended.push({ ...named, ...how() })
    },
    /** The state of a replay: the ends after the first `after`, and some commands that are still open. Undefined when it is forgotten. */
    look(id: string, after: number) {
      const batch = batches.get(id)
      if (!batch) return undefined
      const open = [...batch.waiting.values()].slice(0, MAX_SHOWN)
      return { waiting: batch.waiting.size, open, ended: batch.ended.slice(after, after + MAX_SHOWN) }
    },
  }
}

function keyOf(commandId: string, group: string): string {
  return `${group} ${commandId}`
}
