import { GRACE, type Busy } from '../../../shared/wire/member.ts'
import { MAX_BEGUN } from '../../../shared/wire/stamp.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Command, HandlerSession } from '../../seam/session.ts'
import { Fifo } from './fifo.ts'
import type { Failure, Job, Lack, Member, Rule } from './job.ts'
import { JobTimes } from './job-times.ts'
import { Lacks } from './lacks.ts'
import { Lane } from './lane.ts'
import { Line } from './line.ts'
import { Members } from './members.ts'

export interface GroupPorts {
  rule(command: string): Rule
  /** Loads the command of a job into memory. Returns false when it cannot be read; the job is then ended. */
  load(job: Job): boolean
  /** Frees the memory of a job's command until the job is loaded again. */
  putAway(job: Job): void
  deliver(member: Member, job: Job): void
  /** Called when another attempt will follow, whether this one failed or was put off. */
  retried(job: Job, code: Failure): void
  /** Called when the last attempt failed. */
  dead(job: Job, code: Failure): void
  /** Checked before each attempt: false when the command's author was banned or its token revoked. */
  mayRun(command: Command): boolean
  /** Called when a job ends without running: it has expired, no member came within its time to live, or it may no longer run. */
  expired(job: Job, code: 'timeout' | 'unavailable' | 'forbidden'): void
  queueTtlMs: number
  retryDelayMs: number
}

/** A process of a group. `in_flight`: commands that it holds; `window`: how many it may hold. */
export interface ProcessLook {
  client: string
  in_flight: number
  window: number
  busy: boolean
  stuck: boolean
}

const MAX_RETRY_DELAY = 30_000
/** Minimum delay after `unavailable`, in milliseconds. */
const PAUSE = 50

/**
 * The jobs and members of one handler group. Each job goes to the member that holds the fewest; the ordered jobs of one user
 * stay in their lane.
 */
export class Group {
  readonly #members = new Members()
  readonly #jobs = new Line()
  readonly #times: JobTimes
  readonly #lacks = new Lacks()
  readonly #lanes = new Map<UserId, Lane>()
  #laneGeneration = 0
  readonly #nextGeneration = (): number => ++this.#laneGeneration
  /** Jobs that are ready for a member, by command. */
  readonly #ready = new Map<string, Fifo<Job>>()
  readonly #ports: GroupPorts

  constructor(ports: GroupPorts) {
    this.#ports = ports
    this.#times = new JobTimes({
      queueTtlMs: ports.queueTtlMs,
      rested: (job) => this.#rested(job),
      timedOut: (job) => this.#timedOut(job),
      expired: (job) => ports.expired(job, 'timeout'),
      mayWait: (job) => {
        if (this.has(job.name)) return true
        ports.expired(job, 'unavailable')
        return false
      },
    })
  }

  /** True when a member consumes this command, busy or not, and is not stuck. */
  has(command: string): boolean {
    return this.#members.consume(command)
  }

  get members(): number {
    return this.#members.size
  }

  /** Its processes as an operator sees them. */
  get processes(): ProcessLook[] {
    return [...this.#members].map(({ session, holds, window, isBusy, isStuck }) => ({
      client: session.client,
      in_flight: holds.size,
      window,
      busy: isBusy,
      stuck: isStuck,
    }))
  }

  /** How many commands are accepted and have not ended. */
  get size(): number {
    return this.#jobs.size
  }

  /** How many of those its members hold. */
  get inHand(): number {
    let held = 0
    for (const { holds } of this.#members) held += holds.size
    return held
  }

  /** When the oldest of those was accepted, in milliseconds since 1970. */
  get oldest(): number | undefined {
    return this.#jobs.first && acceptedAt(this.#jobs.first)
  }

  /** The commands that wait although no member consumes them, each with the time at which its oldest was accepted. */
  unconsumed(): { command: string; at: number }[] {
    return [...this.#ready].flatMap(([command, { head }]) =>
      head && !this.has(command) ? [{ command, at: acceptedAt(head) }] : [],
    )
  }

  /** What the commands that were put off wait for: the reason of one of them, damage first. */
  get lacks(): Lack | undefined {
    return this.#lacks.first
  }

  accept(job: Job): void {
    job.lane = this.#ports.rule(job.name).ordered ? this.#laneOf(job.user) : undefined
    this.#jobs.add(job)
    this.#times.accepted(job)
    if (job.lane) {
      job.lane.push(job)
      this.#advance(job.lane)
    } else this.#makeReady(job)
    if (job.state === 'waiting') this.#times.waitForTurn(job)
  }

  /** A member has subscribed to a command. */
  consume(session: HandlerSession, window: number, command: string, qos: 0 | 1): void {
    const before = this.#members.withId(session.id)
    // The client may have reconnected before the loss of its old connection was noticed.
    if (before && before.session !== session) this.lost(before.session)
    const member = this.#members.get(session) ?? this.#members.add(session, window)
    member.consumes.set(command, qos)
    this.#pump()
  }

  stopConsuming(session: HandlerSession, command: string): void {
    this.#members.withId(session.id)?.consumes.delete(command)
  }

  /**
   * A member reports that it is busy computing, or is free again. The jobs that it gives back had not begun: they wait as if they
   * had never been sent, for any member.
   * @returns whether the member's state has changed; undefined for a session that is not a member
   */
  busy(session: HandlerSession, { busy: isBusy, back, stuck }: Busy): boolean | undefined {
    const member = this.#members.get(session)
    if (!member) return undefined
    const hasChanged = member.isBusy !== isBusy
    member.isBusy = isBusy
    member.isStuck = stuck !== undefined
    if (member.isStuck) member.keptFor = undefined
    for (const { command, attempt } of back) {
      const job = this.held(session, command, attempt)
      if (!job) continue
      for (const one of job.lane?.takeBack(job, false) ?? [job]) {
        this.#release(one)
        this.#times.waitForTurn(one)
      }
      this.#continue(job)
    }
    this.#pump() // jobs that wait elsewhere go before a lane that has work in flight
    if (!isBusy) for (const { lane } of member.holds.values()) if (lane) this.#advance(lane)
    return hasChanged
  }

  /** A member has lost its connection: its jobs go to other members. */
  lost(session: HandlerSession): void {
    const member = this.#members.get(session)
    if (!member) return
    this.#members.remove(member)
    // The head of a lane is retried; that takes back the jobs behind it, which had not begun.
    for (const job of member.holds.values()) {
      if (job.ending || job.member !== member) continue
      job.lost++
      job.error = {
        name: 'ConnectionLost',
        message: 'the connection to the handler was lost while it worked on the command',
      }
      this.retry(job, 'internal', { delayMs: 0 })
    }
    this.#pump()
  }

  /** The job with this command id that a member holds; undefined when it no longer holds that job, or never did. */
  held(session: HandlerSession, id: string, attempt?: number): Job | undefined {
    const job = this.#members.get(session)?.holds.get(id)
    return job && !job.ending && (attempt === undefined || attempt === job.attempt) ? job : undefined
  }

  /**
   * An attempt has failed: the job is retried after a pause, and takes back what is in flight behind it in its lane.
   * @param lack what the job was put off for, if that is known
   */
  retry(job: Job, code: Failure, { delayMs, lack }: { delayMs?: number; lack?: Lack } = {}): void {
    const behind = job.lane?.takeBack(job).filter((one) => one !== job) ?? []
    this.#release(job)
    for (const one of behind) {
      this.#release(one)
      this.#times.waitForTurn(one)
    }
    if (this.#isLast(job, code)) return this.#ports.dead(job, code)
    if (code === 'unavailable') {
      job.putOff++
      if (lack) this.#lacks.set(job, lack)
    } else {
      this.#lacks.clear(job)
      job.attempt++
    }
    this.#ports.retried(job, code)
    const delay =
      delayMs ?? (code === 'unavailable' ? this.#backOff(job.putOff, PAUSE) : this.#backOff(job.attempt - 1))
    if (delay === 0) return this.#continue(job)
    job.state = 'resting'
    job.wasPutOff = code === 'unavailable'
    this.#times.rest(job, delay)
    this.#pump() // the member has room for other jobs now
  }

  /** A job is over; the next one of its user has its turn. */
  end(job: Job): void {
    const { lane } = job
    const wasHead = lane?.inFlight[0] === job
    lane?.end(job)
    this.#release(job)
    job.state = 'over'
    job.inHand = undefined
    this.#lacks.clear(job)
    this.#times.over(job)
    this.#jobs.remove(job)
    if (!lane) return this.#pump()
    if (lane.isEmpty) this.#lanes.delete(job.user)
    const head = lane.inFlight[0]
    if (wasHead && head) this.#setTimeLimit(head)
    if (head) this.#pump() // others who wait go before a lane that has work in flight
    this.#advance(lane)
    this.#pump()
  }

  close(): void {
    this.#times.close()
  }

  #laneOf(user: UserId): Lane {
    let lane = this.#lanes.get(user)
    if (!lane) this.#lanes.set(user, (lane = new Lane(this.#nextGeneration)))
    return lane
  }

  #isLast(job: Job, code: Failure): boolean {
    if (!job.isStored) return true
    return code !== 'unavailable' && job.attempt >= this.#ports.rule(job.name).attempts
  }

  /** Makes a job ready again, or leaves it to its lane. */
  #continue(job: Job): void {
    if (job.lane) this.#advance(job.lane)
    else this.#makeReady(job)
    if (job.state === 'waiting') this.#times.waitForTurn(job)
  }

  /**
   * Sends what a lane may send: its first job to any member, then those behind it to the same member, unless other jobs wait for
   * that member.
   */
  #advance(lane: Lane): void {
    const { member } = lane
    if (!member) {
      if (lane.inFlight.length === 0 && lane.next?.state === 'waiting' && !lane.next.ending) this.#makeReady(lane.next)
      return
    }
    if (member.isBusy || !member.session.keepsOrder || this.#members.get(member.session) !== member) return
    for (const [command, { head }] of this.#ready) if (head && member.consumes.has(command)) return
    for (let job = lane.next; job && lane.inFlight.length < MAX_BEGUN; job = lane.next) {
      const { name, expiresAt = Infinity } = job
      const mayGo = job.state === 'waiting' && !job.ending && expiresAt > Date.now() && member.consumes.has(name)
      if (!mayGo || member.keptFor || member.holds.size >= member.window) return
      if (!this.#ports.load(job)) continue
      if (!this.#ports.mayRun(job.inHand!.command)) return this.#ports.expired(job, 'forbidden')
      this.#give(job, member)
    }
  }

  #makeReady(job: Job): void {
    this.#times.clear(job)
    job.state = 'ready'
    const ready = this.#ready.get(job.name)
    if (ready) ready.push(job)
    else this.#ready.set(job.name, new Fifo(job))
    this.#pump()
    if (job.state === 'ready') this.#times.waitForTurn(job)
  }

  #pump(): void {
    for (const [command, ready] of this.#ready) {
      while (this.#giveNext(ready));
      if (!ready.head) this.#ready.delete(command)
    }
  }

  /** Gives away or ends the first of these jobs; false when it has to wait. */
  #giveNext(ready: Fifo<Job>): boolean {
    const job = ready.head
    if (!job) return false
    const { expiresAt = Infinity, isStored } = job
    const isGone = job.state !== 'ready' || job.ending
    const member = isGone ? undefined : this.#members.pick(job)
    if (!isGone && expiresAt > Date.now() && (member === 'full' || (!member && isStored))) return false
    ready.shift()
    if (isGone) return true
    if (expiresAt <= Date.now()) this.#ports.expired(job, 'timeout')
    else if (!this.#ports.load(job)) return true
    else if (!this.#ports.mayRun(job.inHand!.command)) this.#ports.expired(job, 'forbidden')
    else if (!member || member === 'full') this.#ports.expired(job, 'unavailable')
    else {
      this.#give(job, member)
      if (job.lane) this.#advance(job.lane)
    }
    return true
  }

  #give(job: Job, member: Member): void {
    this.#times.clear(job)
    job.state = 'held'
    job.error = undefined
    job.member = member
    member.holds.set(job.inHand!.command.id, job)
    job.lane?.startNext()
    if (!job.lane || job.lane.inFlight[0] === job) this.#setTimeLimit(job)
    this.#ports.deliver(member, job)
  }

  /** Starts the time limit of a job that a member works on from now. A member that keeps time knows better when it began. */
  #setTimeLimit(job: Job): void {
    if (job.member?.session.keepsTime) return
    this.#times.limit(job, this.#timeLimitOf(job))
  }

  #timeLimitOf({ name }: Job): number {
    return this.#ports.rule(name).timeoutMs + GRACE
  }

  /** The pause between two attempts is over. */
  #rested(job: Job): void {
    job.state = 'waiting'
    const isTooOld = job.wasPutOff && performance.now() >= job.since + this.#ports.queueTtlMs
    if (isTooOld) this.#ports.expired(job, 'unavailable')
    else this.#continue(job)
  }

  #timedOut(job: Job): void {
    if (job.ending) return
    job.error = { name: 'TimedOut', message: `the handler reported no result within ${this.#timeLimitOf(job)} ms` }
    this.retry(job, 'timeout')
  }

  #release(job: Job): void {
    this.#times.clear(job)
    if (job.member) {
      job.member.holds.delete(job.inHand!.command.id)
      job.member = undefined
      this.#ports.putAway(job)
    }
    this.#members.unreserve(job)
    job.state = 'waiting'
  }

  #backOff(attempt: number, min = 0): number {
    const delay = Math.min(Math.max(this.#ports.retryDelayMs, min) * 2 ** (attempt - 1), MAX_RETRY_DELAY)
    return Math.round(delay * (0.5 + Math.random() / 2))
  }
}

/** Seconds since the oldest command was accepted; 0 without any. */
export function ageOf(oldest: number | undefined): number {
  return oldest === undefined ? 0 : (Date.now() - oldest) / 1000
}

/** Milliseconds since 1970. */
function acceptedAt({ since }: Job): number {
  return Date.now() - (performance.now() - since)
}
