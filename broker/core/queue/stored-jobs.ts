import type { Storage } from '../../storage/storage.ts'
import { Texts } from '../../storage/texts.ts'
import { Job } from '../dispatch/job.ts'
import { commandHead } from './command-head.ts'
import { keyOf } from './command-key.ts'
import type { KeyTable } from './key-table.ts'
import type { Remembered } from './remembered.ts'
import { sizeOfIds } from './size.ts'

/** What a queue knows of its commands. */
interface Known {
  /** The orders of commands, open or remembered, by the devices' ids. */
  readonly orders: KeyTable
  readonly remembered: Remembered
  /** The orders of replayed dead letters by command id. */
  readonly revived: Map<string, number>
}

/** Reads the commands that have not ended and the ends that are remembered. Returns the jobs of the former, in order. */
export function storedJobs(storage: Storage, { orders, remembered, revived }: Known): Job[] {
  const jobs: Job[] = []
  const heads = storage.table('queue', commandHead(new Texts()))
  orders.expect(heads.size)
  const now = performance.now()
  /** The start of `performance.now()`, in milliseconds since 1970. */
  const zero = Date.now() - now
  for (const { key, value } of heads.entries()) {
    const { open, ended } = value
    const order = Number(key)
    if (!open) {
      if (ended) orders.set(ended.key, order)
      if (ended) remembered.push({ key: ended.key, order, until: ended.until, body: ended.answer, user: undefined })
      continue
    }
    const { user, name, at, expiresAt, internal, onlyTo, revivedId, groups, failed } = open
    const isRevived = revivedId !== undefined
    if (isRevived) revived.set(revivedId, order)
    const id = ended?.key ?? keyOf({ user, re: open.re, onlyTo, stored: true })
    // It was replayed for an observer alone, so the owner's answer stays known.
    const isAnswered = isRevived && onlyTo === undefined && id !== undefined && orders.get(id) !== undefined
    if (id !== undefined && !isAnswered) orders.set(id, order)
    const since = Math.min(at - zero, now)
    const named = { order, user, name, expiresAt, stored: true, internal }
    const bytes = open.bytes + sizeOfIds(open) + (ended?.answer ?? 0)
    if (groups.length === 1) {
      jobs.push(new Job(named, groups[0]!, bytes, since, failed[0]))
      continue
    }
    const siblings = groups.map((group, i) => new Job(named, group, bytes, since, failed[i]))
    for (const job of siblings) {
      job.siblings = siblings
      jobs.push(job)
    }
  }
  return jobs
}
