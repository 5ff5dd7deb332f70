import { createHash } from 'node:crypto'
import type { OutgoingEvent } from '../../shared/wire/done.ts'
import type { Command } from '../session.ts'
import type { Appended, CommandQueue, Open } from './queue.ts'

interface Remembered {
  body: string
  until: number
  answer?: OutgoingEvent | undefined
}

/** A queue that lives as long as its process. */
export function memoryQueue(limits: { maxQueued: number; windowMs: number }): CommandQueue {
  const commands = new Map<string, { command: Command; groups: Set<string> }>()
  /** Commands with an id of the device's own, by user and that id, oldest first: in flight, or ended within the window. */
  const remembered = new Map<string, Remembered>()

  const forgetOld = (): void => {
    for (const [id, { until }] of remembered) {
      if (until > Date.now() && remembered.size <= limits.maxQueued) return
      remembered.delete(id)
    }
  }
  const recall = (key: string, payload: Buffer): Appended => {
    const before = remembered.get(key)
    if (!before || before.until <= Date.now()) return { kind: 'new' }
    return before.body === digest(payload) ? { kind: 'repeat', answer: before.answer } : { kind: 'conflict' }
  }
  const remember = (key: string, entry: Remembered): void => {
    remembered.delete(key)
    remembered.set(key, entry)
    forgetOld()
  }

  return {
    async append(command, groups) {
      const key = keyOf(command)
      if (key !== undefined) {
        const known = recall(key, command.payload)
        if (known.kind !== 'new') return known
      }
      if (commands.size >= limits.maxQueued) return { kind: 'full' }
      if (command.stored) commands.set(command.id, { command, groups: new Set(groups) })
      if (key !== undefined) remember(key, { body: digest(command.payload), until: Infinity })
      return { kind: 'new' }
    },
    async finish(command, group, answer) {
      const open = commands.get(command.id)
      open?.groups.delete(group)
      if (open?.groups.size === 0) commands.delete(command.id)
      const key = keyOf(command)
      const before = key === undefined ? undefined : remembered.get(key)
      const until = Date.now() + limits.windowMs
      if (key !== undefined && before) remember(key, { body: before.body, until, answer: answer ?? before.answer })
    },
    async *open(): AsyncGenerator<Open> {},
    close: async () => {},
  }
}

function keyOf({ user, re }: Command): string | undefined {
  return re === undefined ? undefined : `${user}/${re}`
}

function digest(payload: Buffer): string {
  return createHash('sha256').update(payload).digest('base64')
}
