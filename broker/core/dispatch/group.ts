import { GRACE, type Busy } from '../../../shared/wire/member.ts'
import { MAX_BEGUN } from '../../../shared/wire/stamp.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Command, HandlerSession } from '../../seam/session.ts'
import { Deadlines } from './deadlines.ts'
import { Fifo } from './fifo.ts'
import { SUSPECTED, type Failure, type Job, type Lack, type Member, type Rule } from './job.ts'
import { Lacks } from './lacks.ts'
import { Lane } from './lane.ts'
import { leastBusy } from './least-busy.ts'
import { Line } from './line.ts'

export interface GroupPorts {
  rule(command: string): Rule
  /** Has the command of a job in hand; false when it cannot be read any more, and the job is ended. */
  load(job: Job): boolean
  /** Its command need not be in hand for now. */
  putAway(job: Job): void
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
/** Jobs that are found to have waited for too long in one turn, at most. */
const LOOKED_AT = 500

/** The work of one group. Each job goes to the member that holds the fewest; the ordered ones of one user stay in their lane. */
export class Group {
  readonly #members = new Map<string, Member>()
  readonly #jobs = new Line()
  /** The first that has not waited for as long as for a group that is away. */
  #patient: Job | undefined
  readonly #deadlines = new Deadlines(
    (job) => this.#due(job),
    () => (this.#patient ? this.#patient.since + this.#ports.queueTtlMs : Infinity),
    () => this.#lookAtPatient(),
  )
  readonly #lacks = new Lacks()
  readonly #lanes = new Map<UserId, Lane>()
  #laneTime = 0
  readonly #nextTime = (): number => ++this.#laneTime
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

  /** When the oldest of them was accepted, in milliseconds since 1970. */
  get oldest(): number | undefined {
    return this.#jobs.first && acceptedAt(this.#jobs.first)
  }

  /** Commands that wait and that no member takes, each with the time when its oldest was accepted. */
  untaken(): { command: string; at: number }[] {
    return [...this.#ready].flatMap(([command, { head }]) =>
      head && !this.has(command) ? [{ command, at: acceptedAt(head) }] : [],
    )
  }

  /** What its commands wait for that were put off: a reason of one of them, damage first. */
  get lacks(): Lack | undefined {
    return this.#lacks.first
  }

  accept(job: Job): void {
    job.lane = this.#ports.rule(job.name).ordered ? this.#laneOf(job.user) : undefined
    this.#jobs.add(job)
    if (!this.#patient) {
      this.#patient = job
      this.#deadlines.wakeBy(job.since + this.#ports.queueTtlMs)
    }
    if (job.lane) {
      job.lane.push(job)
      this.#advance(job.lane)
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
      this.retry(job, 'internal', { delayMs: 0 })
    }
    this.#pump()
  }

  /** What a member holds by that id; undefined when it came too late, or never had it. */
  held(session: HandlerSession, id: string, attempt?: number): Job | undefined {
    const member = this.#members.get(session.id)
    const job = member?.session === session ? member.holds.get(id) : undefined
    return job && !job.ending && (attempt === undefined || attempt === job.attempt) ? job : undefined
  }

  /**
   * An attempt has failed: the job, and what its user sent after it, are another's or wait.
   * @param lack what it was put off for, if that is known
   */
  retry(job: Job, code: Failure, { delayMs, lack }: { delayMs?: number; lack?: Lack } = {}): void {
    const behind = job.lane?.takeBack(job).filter((one) => one !== job) ?? []
    this.#release(job)
    for (const one of behind) {
      this.#release(one)
      this.#waitForTurn(one)
    }
    if (this.#isLast(job, code)) return this.#ports.dead(job, code)
    if (code === 'unavailable') {
      job.putOff++
      if (lack) this.#lacks.set(job, lack)
    } else {
      this.#lacks.clear(job)
      job.attempt++
      this.#ports.failed(job)
    }
    const delay =
      delayMs ?? (code === 'unavailable' ? this.#backOff(job.putOff, PAUSE) : this.#backOff(job.attempt - 1))
    if (delay === 0) return this.#goOn(job)
    job.state = 'resting'
    job.wasPutOff = code === 'unavailable'
    this.#deadlines.set(job, performance.now() + delay)
    this.#pump() // there is room now for others
  }

  /** The job is over; the user's next one has its turn. */
  end(job: Job): void {
    const { lane } = job
    const wasHead = lane?.inFlight[0] === job
    lane?.end(job)
    this.#release(job)
    job.state = 'over'
    job.inHand = undefined
    this.#lacks.clear(job)
    if (this.#patient === job) this.#patient = job.after
    this.#jobs.remove(job)
    if (!lane) return this.#pump()
    if (lane.isEmpty) this.#lanes.delete(job.user)
    const head = lane.inFlight[0]
    if (wasHead && head) this.#limit(head)
    if (head) this.#pump() // others who wait go before a lane that has work in flight
    this.#advance(lane)
    this.#pump()
  }

  close(): void {
    this.#deadlines.close()
  }

  #laneOf(user: UserId): Lane {
    let lane = this.#lanes.get(user)
    if (!lane) this.#lanes.set(user, (lane = new Lane(this.#nextTime)))
    return lane
  }

  #isLast(job: Job, code: Failure): boolean {
    if (!job.isStored) return true
    return code !== 'unavailable' && job.attempt >= this.#ports.rule(job.name).attempts
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
      const { name, expiresAt = Infinity } = job
      const mayGo = job.state === 'waiting' && !job.ending && expiresAt > Date.now() && member.takes.has(name)
      if (!mayGo || member.keptFor || member.holds.size >= member.window) return
      if (!this.#ports.load(job)) continue
      if (!this.#ports.mayRun(job.inHand!.command)) return this.#ports.expired(job, 'forbidden')
      this.#give(job, member)
    }
  }

  #makeReady(job: Job): void {
    this.#deadlines.clear(job)
    job.state = 'ready'
    const ready = this.#ready.get(job.name)
    if (ready) ready.push(job)
    else this.#ready.set(job.name, new Fifo(job))
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
    const { expiresAt = Infinity, isStored } = job
    const isGone = job.state !== 'ready' || job.ending
    const member = isGone ? undefined : leastBusy(this.#members.values(), job)
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
    this.#deadlines.clear(job)
    job.state = 'held'
    job.error = undefined
    job.member = member
    member.holds.set(job.inHand!.command.id, job)
    job.lane?.send()
    if (!job.lane || job.lane.inFlight[0] === job) this.#limit(job)
    this.#ports.deliver(member, job)
  }

  /** From now on a member works on it. One that keeps the time itself knows better when it has begun. */
  #limit(job: Job): void {
    if (job.member?.session.keepsTime) return
    this.#deadlines.set(job, performance.now() + this.#limitOf(job))
  }

  #limitOf({ name }: Job): number {
    return this.#ports.rule(name).timeoutMs + GRACE
  }

  /** Its time has come: it has rested, or is over its time limit, or waits for too long. */
  #due(job: Job): void {
    if (job.state === 'resting') {
      job.state = 'waiting'
      const isOver = job.wasPutOff && performance.now() >= job.since + this.#ports.queueTtlMs
      if (isOver) this.#ports.expired(job, 'unavailable')
      else this.#goOn(job)
    } else if (job.state === 'held') {
      if (job.ending) return
      job.error = { name: 'TimedOut', message: `the handler did not say how it ended within ${this.#limitOf(job)} ms` }
      this.retry(job, 'timeout')
    } else this.#waited(job, job.givesUpAt <= performance.now())
  }

  #release(job: Job): void {
    this.#deadlines.clear(job)
    if (job.member) {
      job.member.holds.delete(job.inHand!.command.id)
      job.member = undefined
      this.#ports.putAway(job)
    }
    if (job.lost >= SUSPECTED) {
      for (const member of this.#members.values()) if (member.keptFor === job) member.keptFor = undefined
    }
    job.state = 'waiting'
  }

  /**
   * While a job waits it may expire, or find that nobody came in its time. For the first time those find it whom nobody came for
   * since they were accepted, all in the order of their acceptance; what has waited for longer waits as long again.
   */
  #waitForTurn(job: Job): void {
    const { expiresAt = Infinity, since } = job
    const { queueTtlMs } = this.#ports
    const now = performance.now()
    if (since + queueTtlMs <= now) job.givesUpAt = now + queueTtlMs
    const at = Math.min(now + expiresAt - Date.now(), job.givesUpAt)
    if (at < Infinity) this.#deadlines.set(job, at)
  }

  #lookAtPatient(): void {
    const accepted = performance.now() - this.#ports.queueTtlMs
    let left = LOOKED_AT
    for (let job = this.#patient; job && job.since <= accepted && left-- > 0; job = this.#patient) {
      this.#patient = job.after
      if (job.state === 'waiting' || job.state === 'ready') this.#waited(job, true)
    }
  }

  #waited(job: Job, isLong: boolean): void {
    if (job.ending) return
    const { expiresAt = Infinity, name } = job
    // A timer may fire a millisecond early.
    if (expiresAt <= Date.now()) this.#ports.expired(job, 'timeout')
    else if (isLong && !this.has(name)) this.#ports.expired(job, 'unavailable')
    else this.#waitForTurn(job)
  }

  #backOff(attempt: number, least = 0): number {
    const delay = Math.min(Math.max(this.#ports.retryDelayMs, least) * 2 ** (attempt - 1), MAX_RETRY_DELAY)
    return Math.round(delay * (0.5 + Math.random() / 2))
  }
}

/** Milliseconds since 1970. */
function acceptedAt({ since }: Job): number {
  return Date.now() - (performance.now() - since)
}
