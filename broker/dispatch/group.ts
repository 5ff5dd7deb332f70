import type { UserId } from '../../shared/wire/user-id.ts'
import type { Command, HandlerSession } from '../session.ts'
import { Fifo } from './fifo.ts'

/** One command on its way through one group. */
export interface Job {
  readonly command: Command
  attempt: number
  member: Member | undefined
  timer: NodeJS.Timeout | undefined
  /** Its end is being stored; nothing else may end it meanwhile. */
  ending: boolean
  over: boolean
}

/** One process of a group: what it takes, and what it holds. */
export interface Member {
  readonly session: HandlerSession
  /** Jobs it may hold at a time. */
  readonly window: number
  /** Command to the QoS of its subscription. */
  readonly takes: Map<string, 0 | 1>
  readonly holds: Map<string, Job>
}

/** How a group runs a command. */
export interface Rule {
  ordered: boolean
  timeoutMs: number
  attempts: number
}

export interface GroupPorts {
  rule(command: string): Rule
  deliver(member: Member, job: Job): void
  /** The last attempt failed. */
  dead(job: Job, code: 'internal' | 'timeout'): void
  /** Nobody took it in time: it expired, or no member was there for its time to live. */
  expired(job: Job, code: 'timeout' | 'unavailable'): void
  queueTtlMs: number
  retryDelayMs: number
}

/** Milliseconds by which a handler may overrun its own time limit before the broker gives up on it. */
const GRACE = 2_000
const MAX_RETRY_DELAY = 30_000
/** Node fires a timer of more than this at once. */
const LONGEST_TIMER = 2 ** 31 - 1

/**
 * The work of one group. Each job goes to the member that holds the fewest; the ordered jobs of one user go one after
 * another, so a job that is retried holds back that user's later ones.
 */
export class Group {
  readonly #members = new Map<string, Member>()
  readonly #jobs = new Set<Job>()
  /** The ordered jobs of each user; the head alone is ready, held or waiting for its next attempt. */
  readonly #lanes = new Map<UserId, Fifo<Job>>()
  readonly #ready = new Fifo<Job>()
  /** Ready, but no member takes their command: command to jobs. */
  readonly #parked = new Map<string, Set<Job>>()
  readonly #ports: GroupPorts

  constructor(ports: GroupPorts) {
    this.#ports = ports
  }

  has(command: string): boolean {
    for (const member of this.#members.values()) if (member.takes.has(command)) return true
    return false
  }

  get members(): number {
    return this.#members.size
  }

  accept(command: Command): void {
    const job: Job = { command, attempt: 1, member: undefined, timer: undefined, ending: false, over: false }
    this.#jobs.add(job)
    if (!this.#ports.rule(command.name).ordered) return this.#enqueue(job)
    const lane = this.#lanes.get(command.user)
    if (lane) {
      lane.push(job)
      this.#waitForTurn(job)
    } else {
      const opened = new Fifo<Job>()
      opened.push(job)
      this.#lanes.set(command.user, opened)
      this.#enqueue(job)
    }
  }

  take(session: HandlerSession, window: number, command: string, qos: 0 | 1): void {
    let member = this.#members.get(session.id)
    if (member && member.session !== session) {
      this.lost(member.session) // the same client has come again before its old connection was seen to be gone
      member = undefined
    }
    if (!member) this.#members.set(session.id, (member = { session, window, takes: new Map(), holds: new Map() }))
    member.takes.set(command, qos)
    for (const job of this.#parked.get(command) ?? []) this.#ready.push(job)
    this.#parked.delete(command)
    this.#pump()
  }

  takeNoMore(session: HandlerSession, command: string): void {
    this.#members.get(session.id)?.takes.delete(command)
  }

  /** A member's connection is gone: another gets what it held. */
  lost(session: HandlerSession): void {
    const member = this.#members.get(session.id)
    if (member?.session !== session) return
    this.#members.delete(session.id)
    for (const job of member.holds.values()) if (!job.ending) this.retry(job, 'internal', 0)
    this.#pump()
  }

  /** What a member holds by that id; undefined when it came too late, or never had it. */
  held(session: HandlerSession, id: string, attempt?: number): Job | undefined {
    const member = this.#members.get(session.id)
    const job = member?.session === session ? member.holds.get(id) : undefined
    return job && !job.ending && (attempt === undefined || attempt === job.attempt) ? job : undefined
  }

  retry(job: Job, code: 'internal' | 'timeout', delayMs = this.#backOff(job.attempt)): void {
    this.#release(job)
    if (!job.command.stored || job.attempt >= this.#ports.rule(job.command.name).attempts)
      return this.#ports.dead(job, code)
    job.attempt++
    if (delayMs === 0) this.#enqueue(job)
    else job.timer = setTimeout(() => this.#enqueue(job), delayMs)
  }

  /** The job is over; the user's next one has its turn. */
  end(job: Job): void {
    this.#release(job)
    job.over = true
    this.#jobs.delete(job)
    this.#parked.get(job.command.name)?.delete(job)
    const lane = this.#lanes.get(job.command.user)
    if (lane?.head === job) {
      lane.shift()
      while (lane.head?.over) lane.shift()
      if (lane.head) this.#enqueue(lane.head)
      else this.#lanes.delete(job.command.user)
    }
    this.#pump()
  }

  /** Stops every timer. */
  close(): void {
    for (const job of this.#jobs) clearTimeout(job.timer)
  }

  #enqueue(job: Job): void {
    clearTimeout(job.timer)
    job.timer = undefined
    this.#ready.push(job)
    this.#pump()
    if (!job.member && !job.over) this.#waitForTurn(job)
  }

  #pump(): void {
    for (let job = this.#ready.head; job; job = this.#ready.head) {
      const { name, expiresAt } = job.command
      const gone = job.over || job.ending
      const member = gone ? undefined : this.#leastBusy(name)
      if (member === 'full') return
      this.#ready.shift()
      if (gone) continue
      if (expiresAt !== undefined && expiresAt <= Date.now()) this.#ports.expired(job, 'timeout')
      else if (member) this.#give(job, member)
      else if (!job.command.stored) this.#ports.expired(job, 'unavailable')
      else this.#park(job)
    }
  }

  #park(job: Job): void {
    const parked = this.#parked.get(job.command.name)
    if (parked) parked.add(job)
    else this.#parked.set(job.command.name, new Set([job]))
  }

  #leastBusy(command: string): Member | 'full' | undefined {
    let best: Member | 'full' | undefined
    for (const member of this.#members.values()) {
      if (!member.takes.has(command)) continue
      if (member.holds.size >= member.window) best ??= 'full'
      else if (best === undefined || best === 'full' || member.holds.size < best.holds.size) best = member
    }
    return best
  }

  #give(job: Job, member: Member): void {
    clearTimeout(job.timer)
    job.member = member
    member.holds.set(job.command.id, job)
    const limit = this.#ports.rule(job.command.name).timeoutMs + GRACE
    job.timer = setTimeout(() => {
      if (!job.ending) this.retry(job, 'timeout')
    }, limit)
    this.#ports.deliver(member, job)
  }

  #release(job: Job): void {
    clearTimeout(job.timer)
    job.member?.holds.delete(job.command.id)
    job.member = undefined
  }

  /** While a job waits it may expire, or find that nobody came in its time. */
  #waitForTurn(job: Job): void {
    const { at, expiresAt = Infinity, name } = job.command
    const { queueTtlMs } = this.#ports
    const now = Date.now()
    const givesUpAt = at + queueTtlMs > now ? at + queueTtlMs : now + queueTtlMs
    clearTimeout(job.timer)
    const look = (): void => {
      const then = Date.now() // a timer may fire a millisecond early
      if (expiresAt <= then) this.#ports.expired(job, 'timeout')
      else if (givesUpAt <= then && !this.has(name)) this.#ports.expired(job, 'unavailable')
      else this.#waitForTurn(job)
    }
    job.timer = setTimeout(look, Math.min(expiresAt - now, givesUpAt - now, LONGEST_TIMER))
  }

  #backOff(attempt: number): number {
    const delay = Math.min(this.#ports.retryDelayMs * 2 ** (attempt - 1), MAX_RETRY_DELAY)
    return Math.round(delay * (0.5 + Math.random() / 2))
  }
}
