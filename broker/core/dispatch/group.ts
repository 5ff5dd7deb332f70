import { GRACE, type Busy } from '../../../shared/wire/member.ts'
import { MAX_BEGUN } from '../../../shared/wire/stamp.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Command, HandlerSession } from '../../seam/session.ts'
import { Fifo } from './fifo.ts'
import { newJob, SUSPECTED, type Failure, type Job, type Lack, type Member, type Rule } from './job.ts'
import { Lane } from './lane.ts'
import { leastBusy } from './least-busy.ts'
import { steady } from '../../../shared/steady.ts'

export interface GroupPorts {
  rule(command: string): Rule
  deliver(member: Member, job: Job): void
  /** An attempt failed, and there will be another. */
  failed(job: Job): void
  /** The last attempt failed. */
  dead(job: Job, code: Failure): void
  /** May it still run? Asked before each attempt. */
  mayRun(command: Command): boolean
  /** It does not run: it expired, no member was there for its time to live, or it may not any more. */
  expired(job: Job, code: 'timeout' | 'unavailable' | 'forbidden'): void
  queueTtlMs: number
  retryDelayMs: number
}

const MAX_RETRY_DELAY = 30_000
/** Milliseconds before the first look whether what was away is there again. */
const PAUSE = 50
/** Node fires a timer of more than this at once. */
const LONGEST_TIMER = 2 ** 31 - 1

/** The work of one group. Each job goes to the member that holds the fewest; the ordered ones of one user stay in their lane. */
export class Group {
  readonly #members = new Map<string, Member>()
  /** By the ids of their commands, in the order of acceptance. */
  readonly #jobs = new Map<string, Job>()
  readonly #lanes = new Map<UserId, Lane>()
  #laneTime = 0
  /** Ready for a member that takes their command: command to jobs. */
  readonly #ready = new Map<string, Fifo<Job>>()
  readonly #ports: GroupPorts

  constructor(ports: GroupPorts) {
    this.#ports = ports
  }

  /** Is there a member that takes it, busy or not? One that is stuck may never take anything. */
  has(command: string): boolean {
    for (const member of this.#members.values()) if (member.takes.has(command) && !member.isStuck) return true
    return false
  }

  get members(): number {
    return this.#members.size
  }

  /** Commands that are accepted and have not ended. */
  get size(): number {
    return this.#jobs.size
  }

  find(command: string): Job | undefined {
    return this.#jobs.get(command)
  }

  /** When the oldest of them was accepted, in milliseconds since 1970. */
  get oldest(): number | undefined {
    for (const { command } of this.#jobs.values()) return command.at
    return undefined
  }

  /** Commands that wait and that no member takes, each with the time when its oldest was accepted. */
  untaken(): { command: string; at: number }[] {
    return [...this.#ready].flatMap(([command, { head }]) =>
      head && !this.has(command) ? [{ command, at: head.command.at }] : [],
    )
  }

  /** What its commands wait for that were put off: a reason of one of them, damage first. */
  get lacks(): Lack | undefined {
    let found: Lack | undefined
    for (const { lacks } of this.#jobs.values()) {
      if (lacks?.damaged) return lacks
      found ??= lacks
    }
    return found
  }

  /** @param failed attempts so far */
  accept(command: Command, failed = 0): void {
    const lane = this.#ports.rule(command.name).ordered ? this.#laneOf(command.user) : undefined
    const since = steady() - Math.max(0, Date.now() - command.at) // from before a restart, perhaps
    const job = newJob(command, lane, since, failed + 1)
    this.#jobs.set(command.id, job)
    if (lane) {
      lane.push(job)
      this.#advance(lane)
    } else this.#makeReady(job)
    if (job.state === 'waiting') this.#waitForTurn(job)
  }

  take(session: HandlerSession, window: number, command: string, qos: 0 | 1): void {
    let member = this.#members.get(session.id)
    if (member && member.session !== session) {
      this.lost(member.session) // the same client has come again before its old connection was seen to be gone
      member = undefined
    }
    if (!member) {
      member = {
        session,
        window,
        takes: new Map(),
        holds: new Map(),
        keptFor: undefined,
        isBusy: false,
        isStuck: false,
      }
      this.#members.set(session.id, member)
    }
    member.takes.set(command, qos)
    this.#pump()
  }

  takeNoMore(session: HandlerSession, command: string): void {
    this.#members.get(session.id)?.takes.delete(command)
  }

  /**
   * A member begins nothing now, or does again. What it gives back had not begun: it waits as if it had never been sent, for
   * another member or for this one. Tells whether it was otherwise before; undefined for one that is no member.
   */
  busy(session: HandlerSession, { busy: isBusy, back, stuck }: Busy): boolean | undefined {
    const member = this.#members.get(session.id)
    if (member?.session !== session) return undefined
    const isNew = member.isBusy !== isBusy
    member.isBusy = isBusy
    member.isStuck = stuck !== undefined
    if (member.isStuck) member.keptFor = undefined
    for (const { command, attempt } of back) {
      const job = this.held(session, command, attempt)
      if (!job) continue
      for (const one of job.lane?.takeBack(job, false) ?? [job]) {
        this.#release(one)
        this.#waitForTurn(one)
      }
      this.#goOn(job)
    }
    this.#pump() // others who wait go before a lane that has work in flight
    if (!isBusy) for (const { lane } of member.holds.values()) if (lane) this.#advance(lane)
    return isNew
  }

  /** A member's connection is gone: another gets what it held. */
  lost(session: HandlerSession): void {
    const member = this.#members.get(session.id)
    if (member?.session !== session) return
    this.#members.delete(session.id)
    // Of a lane the first is tried again; those behind it, which it takes back, had not begun.
    for (const job of member.holds.values()) {
      if (job.ending || job.member !== member) continue
      job.lost++
      job.error = {
        name: 'ConnectionLost',
        message: 'the connection to the handler was lost while it worked on the command',
      }
      this.retry(job, 'internal', 0)
    }
    this.#pump()
  }

  /** What a member holds by that id; undefined when it came too late, or never had it. */
  held(session: HandlerSession, id: string, attempt?: number): Job | undefined {
    const member = this.#members.get(session.id)
    const job = member?.session === session ? member.holds.get(id) : undefined
    return job && !job.ending && (attempt === undefined || attempt === job.attempt) ? job : undefined
  }

  /** An attempt has failed: the job, and what its user sent after it, are another's or wait. */
  retry(job: Job, code: Failure, delayMs?: number): void {
    const behind = job.lane?.takeBack(job).filter((one) => one !== job) ?? []
    this.#release(job)
    for (const one of behind) {
      this.#release(one)
      this.#waitForTurn(one)
    }
    if (this.#isLast(job, code)) return this.#ports.dead(job, code)
    if (code === 'unavailable') {
      job.putOff++
    } else {
      job.lacks = undefined
      job.attempt++
      this.#ports.failed(job)
    }
    const delay =
      delayMs ?? (code === 'unavailable' ? this.#backOff(job.putOff, PAUSE) : this.#backOff(job.attempt - 1))
    if (delay === 0) return this.#goOn(job)
    job.state = 'resting'
    job.timer = setTimeout(() => {
      job.state = 'waiting'
      const isOver = code === 'unavailable' && steady() >= job.since + this.#ports.queueTtlMs
      if (isOver) this.#ports.expired(job, 'unavailable')
      else this.#goOn(job)
    }, delay)
    this.#pump() // there is room now for others
  }

  /** The job is over; the user's next one has its turn. */
  end(job: Job): void {
    const { lane } = job
    const wasHead = lane?.inFlight[0] === job
    lane?.end(job)
    this.#release(job)
    job.state = 'over'
    this.#jobs.delete(job.command.id)
    if (!lane) return this.#pump()
    if (lane.isEmpty) this.#lanes.delete(job.command.user)
    const head = lane.inFlight[0]
    if (wasHead && head) this.#limit(head)
    if (head) this.#pump() // others who wait go before a lane that has work in flight
    this.#advance(lane)
    this.#pump()
  }

  /** Stops every timer. */
  close(): void {
    for (const job of this.#jobs.values()) clearTimeout(job.timer)
  }

  #laneOf(user: UserId): Lane {
    let lane = this.#lanes.get(user)
    if (!lane) this.#lanes.set(user, (lane = new Lane(() => ++this.#laneTime)))
    return lane
  }

  #isLast(job: Job, code: Failure): boolean {
    if (!job.command.stored) return true
    return code !== 'unavailable' && job.attempt >= this.#ports.rule(job.command.name).attempts
  }

  /** Gives a job that may go on its turn, or leaves it to its lane. */
  #goOn(job: Job): void {
    if (job.lane) this.#advance(job.lane)
    else this.#makeReady(job)
    if (job.state === 'waiting') this.#waitForTurn(job)
  }

  /**
   * Sends of a lane what may go: its first job to any member, and then those behind it to the same, when nobody else waits for
   * that one.
   */
  #advance(lane: Lane): void {
    const { member } = lane
    if (!member) {
      if (lane.inFlight.length === 0 && lane.next?.state === 'waiting' && !lane.next.ending) this.#makeReady(lane.next)
      return
    }
    if (member.isBusy || !member.session.keepsOrder || this.#members.get(member.session.id) !== member) return
    for (const [command, { head }] of this.#ready) if (head && member.takes.has(command)) return
    for (let job = lane.next; job && lane.inFlight.length < MAX_BEGUN; job = lane.next) {
      const { name, expiresAt = Infinity } = job.command
      const mayGo = job.state === 'waiting' && !job.ending && expiresAt > Date.now() && member.takes.has(name)
      if (!mayGo || member.keptFor || member.holds.size >= member.window) return
      if (!this.#ports.mayRun(job.command)) return this.#ports.expired(job, 'forbidden')
      this.#give(job, member)
    }
  }

  #makeReady(job: Job): void {
    clearTimeout(job.timer)
    job.timer = undefined
    job.state = 'ready'
    const ready = this.#ready.get(job.command.name)
    if (ready) ready.push(job)
    else this.#ready.set(job.command.name, new Fifo(job))
    this.#pump()
    if (job.state === 'ready') this.#waitForTurn(job)
  }

  #pump(): void {
    for (const [command, ready] of this.#ready) {
      while (this.#giveNext(ready));
      if (!ready.head) this.#ready.delete(command)
    }
  }

  /** Deals with the first of these; false when it has to wait. */
  #giveNext(ready: Fifo<Job>): boolean {
    const job = ready.head
    if (!job) return false
    const { expiresAt = Infinity, stored } = job.command
    const isGone = job.state !== 'ready' || job.ending
    const member = isGone ? undefined : leastBusy(this.#members.values(), job)
    if (!isGone && expiresAt > Date.now() && (member === 'full' || (!member && stored))) return false
    ready.shift()
    if (isGone) return true
    if (expiresAt <= Date.now()) this.#ports.expired(job, 'timeout')
    else if (!this.#ports.mayRun(job.command)) this.#ports.expired(job, 'forbidden')
    else if (!member || member === 'full') this.#ports.expired(job, 'unavailable')
    else {
      this.#give(job, member)
      if (job.lane) this.#advance(job.lane)
    }
    return true
  }

  #give(job: Job, member: Member): void {
    clearTimeout(job.timer)
    job.timer = undefined
    job.state = 'held'
    job.error = undefined
    job.member = member
    member.holds.set(job.command.id, job)
    job.lane?.send()
    if (!job.lane || job.lane.inFlight[0] === job) this.#limit(job)
    this.#ports.deliver(member, job)
  }

  /** From now on a member works on it. One that keeps the time itself knows better when it has begun. */
  #limit(job: Job): void {
    if (job.member?.session.keepsTime) return
    const limit = this.#ports.rule(job.command.name).timeoutMs + GRACE
    job.timer = setTimeout(() => {
      if (job.ending) return
      job.error = { name: 'TimedOut', message: `the handler did not say how it ended within ${limit} ms` }
      this.retry(job, 'timeout')
    }, limit)
  }

  #release(job: Job): void {
    clearTimeout(job.timer)
    job.timer = undefined
    job.member?.holds.delete(job.command.id)
    job.member = undefined
    if (job.lost >= SUSPECTED) {
      for (const member of this.#members.values()) if (member.keptFor === job) member.keptFor = undefined
    }
    job.state = 'waiting'
  }

  /** While a job waits it may expire, or find that nobody came in its time. */
  #waitForTurn(job: Job): void {
    const { expiresAt = Infinity, name } = job.command
    const { queueTtlMs } = this.#ports
    const now = steady()
    const givesUpAt = job.since + queueTtlMs > now ? job.since + queueTtlMs : now + queueTtlMs
    clearTimeout(job.timer)
    const look = (): void => {
      if (job.ending) return
      // A timer may fire a millisecond early.
      if (expiresAt <= Date.now()) this.#ports.expired(job, 'timeout')
      else if (givesUpAt <= steady() && !this.has(name)) this.#ports.expired(job, 'unavailable')
      else this.#waitForTurn(job)
    }
    job.timer = setTimeout(look, Math.min(expiresAt - Date.now(), givesUpAt - now, LONGEST_TIMER))
  }

  #backOff(attempt: number, least = 0): number {
    const delay = Math.min(Math.max(this.#ports.retryDelayMs, least) * 2 ** (attempt - 1), MAX_RETRY_DELAY)
    return Math.round(delay * (0.5 + Math.random() / 2))
  }
}
