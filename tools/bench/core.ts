import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { openKept, type Kept } from '../../broker/core/kept/open-kept.ts'
import { openQueue } from '../../broker/core/queue/durable-queue.ts'
import type { Job } from '../../broker/core/dispatch/job.ts'
import type { CommandQueue } from '../../broker/core/queue/queue.ts'
import type { Command } from '../../broker/seam/session.ts'
import { openLmdb } from '../../broker/storage/lmdb.ts'
import type { Storage } from '../../broker/storage/storage.ts'
import { commandName } from '../../shared/wire/topic.ts'
import { userIdOf, type UserId } from '../../shared/wire/user-id.ts'
import { row } from '../load/table.ts'

// The cost of the core's storage per command: a command is appended, and ends with one event, kept in an inbox. On LMDB, on the disk of
// the given folder. In µs of the main thread's CPU as counted by the kernel, so other processes matter little.

const MANY = 1_000_000
const DAY = 86_400_000
/** Commands appended in one turn of the event loop. */
const A_TURN = 32
/** Commands per turn while filling the storage. */
const A_FILL = 4_000
const USERS = Array.from({ length: 200 }, (_, i) => userIdOf(`user-${i}`))
const GROUPS = ['messaging']
const NAME = commandName('send_message')
const PAYLOAD = Buffer.from(JSON.stringify({ to: 'user-17', body: 'the snow of seven winters', id: 'c0000000' }))

interface Core extends Kept {
  storage: Storage
  queue: CommandQueue
  close(): Promise<void>
}

async function openCore(dir: string, events: number, maxQueued: number): Promise<Core> {
  const storage = openLmdb(join(dir, 'broker.lmdb'))
  const all = { commands: maxQueued, bytes: 2 ** 40 }
  const queue = await openQueue(storage, {
    all,
    perUser: all,
    remembered: { bytes: 2 ** 40, perUser: 2 ** 40 },
    windowMs: DAY,
  })
  const kept = await openKept(storage, {
    INBOX_EVENTS: events,
    INBOX_AGE: DAY,
    KEPT_BYTES_PER_USER: 2 ** 36,
    MAX_KEPT_BYTES: 2 ** 36,
    MAX_OFFLINE_EVENTS: events,
    MAX_OFFLINE_BYTES: 2 ** 36,
    MAX_SESSION_BYTES: 1e12,
  })
  const close = async (): Promise<void> => {
    kept.sessions.stop()
    await kept.inbox.close()
    await kept.kept.close()
    await storage.close()
  }
  return { storage, queue, ...kept, close }
}

let count = 0
function commandOf(queue: CommandQueue, user: UserId): Command {
  const order = queue.nextOrder()
  const re = `c${(++count).toString(36)}`
  return {
    id: `${user}/${re}~${order.toString(36)}`,
    order,
    name: NAME,
    user,
    client: 'phone',
    payload: PAYLOAD,
    re,
    at: Date.now(),
    expiresAt: undefined,
    stored: true,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    correlation: undefined,
    responseTopic: undefined,
  }
}

async function append({ queue }: Core, users: readonly UserId[], times: number): Promise<Job[]> {
  const commands = Array.from({ length: times }, (_, i) => commandOf(queue, users[(count + i) % users.length]!))
  const appended = await Promise.all(commands.map((command) => queue.append(command, GROUPS)))
  return appended.flatMap((one) => (one.kind === 'new' ? one.jobs : []))
}

async function end({ storage, queue, kept, inbox }: Core, jobs: readonly Job[]): Promise<void> {
  const ends = jobs.map((job) =>
    storage.commit((unit) => {
      const command = queue.load(job)!
      const fields = { message_id: command.re, seq: command.order }
      const at = new Date(command.at).toISOString()
      const numbers = inbox.number([command.user])
      const answer = { to: command.user, event: 'message_sent' as const, fields, at, numbers }
      queue.finish(unit, job, { answer })
      const body = Buffer.from(JSON.stringify({ ...fields, re: command.re, at }))
      const event = {
        kind: 'event' as const,
        at: 0,
        places: [],
        to: [command.user],
        numbers,
        isInInbox: true,
        event: 'message_sent',
        body,
      }
      kept.keep(unit, event, [])
    }),
  )
  await Promise.all(ends)
}

async function run(core: Core, users: readonly UserId[], times: number): Promise<void> {
  for (let i = 0; i < times; i += A_TURN) await end(core, await append(core, users, A_TURN))
}

/** CPU time of this thread, in µs. */
function cpu(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1_000
}

/** Rounds of each case, and commands of a round. */
const [ROUNDS, A_ROUND] = [11, 3_200]

interface Case {
  name: string
  /** What is stored before measuring: remembered answers, queued commands, events of each user. */
  remembered?: number
  queued?: number
  events?: number
  users?: readonly UserId[]
}

/** Fills a core as a case says. */
async function filled(dir: string, { remembered = 0, queued = 0, events = 1_000, users = USERS }: Case): Promise<Core> {
  // As many answers are remembered as commands may be queued: beyond, each end forgets one.
  const core = await openCore(dir, events, remembered || 3 * MANY)
  await run(core, users, 4_000) // warm
  for (let left = queued; left > 0; left -= A_FILL) await append(core, users, Math.min(left, A_FILL))
  const ends = users === USERS ? remembered * 1.2 : events * users.length
  for (let left = ends; left > 0; left -= A_FILL) await end(core, await append(core, users, Math.min(left, A_FILL)))
  return core
}

/**
 * Compares two cases: their rounds alternate, and the least of each counts, since other processes only ever add to it.
 * @param sizes what is remembered and queued: few, and many
 */
export async function benchCore(folder: string, out: (line: string) => unknown, sizes = [1_000, MANY]): Promise<void> {
  const pairs: Case[][] = [
    sizes.map((size) => ({ name: `${size.toLocaleString('en')} remembered`, remembered: size })),
    sizes.map((size) => ({ name: `${size.toLocaleString('en')} queued`, queued: size })),
    [1_000, 10_000].map((size) => ({ name: `${size} events of a user`, events: size, users: USERS.slice(0, 5) })),
  ]
  out(row('µs of the main thread per command', ['least', 'median', 'ratio', 'load']))
  for (const cases of pairs) {
    const measured: { name: string; users: readonly UserId[]; dir: string; core: Core; rounds: number[] }[] = []
    for (const one of cases) {
      const dir = mkdtempSync(join(folder, 'switchboard-bench-'))
      measured.push({ name: one.name, users: one.users ?? USERS, dir, core: await filled(dir, one), rounds: [] })
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const { core, users, rounds } of measured) {
        const before = cpu()
        await run(core, users, A_ROUND)
        rounds.push((cpu() - before) / A_ROUND)
      }
    }
    const first = Math.min(...measured[0]!.rounds)
    for (const { name, core, dir, rounds } of measured) {
      await core.close()
      rmSync(dir, { recursive: true })
      const [least, median] = [Math.min(...rounds), rounds.toSorted((a, b) => a - b)[ROUNDS >> 1]!]
      const figures = [least.toFixed(1), median.toFixed(1), (least / first).toFixed(2), loadavg()[0]!.toFixed(1)]
      out(row(name, figures))
    }
  }
}
