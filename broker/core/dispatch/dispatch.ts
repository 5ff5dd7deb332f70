import type { Config } from '../../../shared/config.ts'
import type { Logger } from '../../../shared/log.ts'
import type { Catalogue } from '../../../shared/wire/catalogue.ts'
import { readJsonObject } from '../../../shared/wire/json.ts'
import type { OutgoingEvent, Said } from '../../../shared/wire/done.ts'
import type { Busy } from '../../../shared/wire/member.ts'
import { refuse, Refusal } from '../../../shared/wire/refusal.ts'
import { isoNow } from '../../../shared/wire/time.ts'
import { tellAgain } from '../../../shared/wire/told-error.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Delivery, Reach } from '../reach.ts'
import type { Events } from '../events/events.ts'
import { checkEvent } from '../events/handler-event.ts'
import type { Later } from '../later.ts'
import type { LiveEvents } from '../events/live-events.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { DeadLetter, DeadLetters } from '../queue/dead-letters.ts'
import type { Appended, CommandQueue } from '../queue/queue.ts'
import type { Replays } from '../queue/replays.ts'
import type { Command, HandlerSession } from '../../seam/session.ts'
import type { Standing } from '../standing.ts'
import type { Storage } from '../../storage/storage.ts'
import { failure, forgotten, noRoom, outcomeOf, refused, rejection, type Ending } from './answers.ts'
import { Attendance } from './attendance.ts'
import { deliveryOf } from './delivery.ts'
import { gaugeGroups } from './group-gauges.ts'
import { Group } from './group.ts'
import type { Failure, Job, Member, Rule } from './job.ts'
import { reviveAll } from './revive-all.ts'
import { Routes } from './routes.ts'

/** How a command is run whose group declares nothing: a plain MQTT client. */
const UNDECLARED: Rule = { ordered: true, timeoutMs: 30_000, attempts: 5 }

/** Milliseconds before an end that could not be stored is stored again. */
const TRY_AGAIN = 500
/** What observers have too much is dropped at each end, so many at most: more than one end adds. */
const DROPPED_AT_ONCE = 4
/** What a dispatcher works with. */
export interface DispatchPorts {
  config: Config
  storage: Storage
  queue: CommandQueue
  dead: DeadLetters
  replays: Replays
  engine: () => Reach
  events: Events
  live: LiveEvents
  later: Later
  standing: Pick<Standing, 'mayRun'>
  metrics: Metrics
  /** Those of a user's that are connected. */
  clientsOf(user: UserId): string[]
  log: Logger
}

/** Everything that follows a command's being stored: who runs it, how often, and what its sender is told in the end. */
export class Dispatch {
  readonly #groups = new Map<string, Group>()
  readonly #rules = new Map<string, Rule>()
  readonly #declared = new Set<string>()
  readonly #attendance: Attendance
  readonly #routes: Routes
  readonly #ports: DispatchPorts
  #isClosed = false

  constructor(ports: DispatchPorts) {
    this.#ports = ports
    this.#routes = new Routes(ports.storage)
    const isDeclared = (group: string): boolean => this.#declared.has(group)
    this.#attendance = new Attendance(this.#groups, isDeclared, ports.log)
    gaugeGroups(ports.metrics.registry, this.#groups, isDeclared)
  }

  /** Learns what the handlers' files declare; a second time, what has changed since. */
  declare(catalogue: Catalogue): void {
    this.#declared.clear()
    for (const [group, { commands }] of Object.entries(catalogue)) {
      this.#declared.add(group)
      this.#group(group)
      for (const [command, rule] of Object.entries(commands)) {
        this.#rules.set(command, rule)
        this.#routes.own(command, group)
      }
    }
  }

  /** Takes up what was accepted before this broker started. */
  resume(): void {
    let count = 0
    for (const job of this.#ports.queue.open((command) => this.#routes.of(command)?.[0])) {
      count++
      this.#hand(job)
    }
    if (count > 0) this.#ports.log.info({ count }, 'commands from before the start go on')
  }

  isKnown(command: string): boolean {
    return this.#routes.of(command) !== undefined
  }

  /** Declared, and for the broker alone to send. */
  isInternal(command: string): boolean {
    return this.#rules.get(command)?.internal !== undefined
  }

  /** Does its answer go to the asking client alone? */
  answersClient(command: string): boolean {
    return this.#rules.get(command)?.replyTo === 'client'
  }

  /** The commands that the broker sends for this. */
  internal(what: 'presence' | 'later'): string[] {
    return [...this.#rules].flatMap(([command, { internal }]) => (internal === what ? [command] : []))
  }

  /**
   * Stores a command, then hands it to a member of each group that takes it. The answer of one that has ended is told again,
   * unless the sender's session has kept it for him.
   * @throws {Refusal} `unknown_command`, `conflict` or `unavailable`; then nothing was stored
   */
  accept(command: Command, isRetransmitted: boolean): Promise<void> {
    const groups = this.#routes.of(command.name)
    if (!groups) return Promise.reject(refuse('unknown_command'))
    return this.#ports.queue.append(command, groups, isRetransmitted).then(
      (appended) => this.#appended(command, groups[0]!, appended, isRetransmitted),
      (err: unknown) => {
        this.#ports.log.error({ err }, 'the queue cannot store')
        throw refuse('unavailable')
      },
    )
  }

  /** Does what follows once the queue has answered. */
  #appended(command: Command, owner: string, appended: Appended, isRetransmitted: boolean): void | Promise<void> {
    const { events, metrics } = this.#ports
    if (appended.kind === 'full') throw noRoom(appended.share)
    if (appended.kind === 'conflict') {
      throw refuse('conflict', { id: 'was used before for another command or payload' })
    }
    if (appended.kind === 'repeat') {
      if (isRetransmitted) return
      if (appended.isDropped) return events.tell(rejection(command, forgotten()), command)
      return appended.answer && events.tell(appended.answer, command)
    }
    metrics.accepted.add(command.name)
    for (const job of appended.jobs) this.#hand(job)
    if (!command.stored || command.internal || this.#group(owner).has(command.name)) return
    const fields = { command: command.name }
    return events.tell({ to: command.user, event: 'command_queued', fields }, command).catch(() => {}) // it is accepted
  }

  /**
   * Makes dead letters commands again, under their old ids, after what their users have sent meanwhile. Those stay dead whose id
   * is open, since its device has sent it again or another replay has begun it: there are never two commands of one id.
   * @param replay where it is told how they end
   * @throws when they cannot be stored; then they stay dead
   */
  async replay(letters: readonly DeadLetter[], replay: string): Promise<{ revived: number; open: DeadLetter[] }> {
    const { storage, queue, dead, replays } = this.#ports
    const ownerOf = (command: string): string | undefined => this.#routes.of(command)?.[0]
    const { revived, open } = await reviveAll(letters, { storage, queue, dead, ownerOf })
    const alive = revived.flatMap(({ letters }) => letters)
    replays.add(replay, alive)
    for (const { jobs } of revived) for (const job of jobs) this.#hand(job)
    return { revived: alive.length, open }
  }

  take(session: HandlerSession, window: number, command: string, qos: 0 | 1): void {
    this.#routes.observe(command, session.group)
    const allowed = Math.min(window, this.#ports.config.HANDLER_WINDOW)
    const group = this.#group(session.group)
    const isFirst = group.members === 0
    group.take(session, allowed, command, qos)
    if (isFirst) this.#attendance.came(session.group)
    this.#attendance.isBack(session.client)
  }

  takeNoMore(session: HandlerSession, command: string): void {
    this.#group(session.group).takeNoMore(session, command)
  }

  lost(session: HandlerSession): void {
    const group = this.#group(session.group)
    const before = group.members
    group.lost(session)
    this.#attendance.gone(session)
    if (before > 0 && group.members === 0) this.#attendance.away(session.group)
  }

  /** A handler process said nothing for longer than its keepalive, and is cut off. */
  fellSilent({ group, client }: HandlerSession): void {
    this.#attendance.fellSilent(group, client)
  }

  /** A PUBACK: the plain way to complete a delivery at QoS 1. */
  async acknowledged(session: HandlerSession, delivery: Delivery, reasonCode: number): Promise<void> {
    const { attempt, order, 'command-id': id = '' } = delivery.stamp
    const job = this.#group(session.group).held(session, id, Number(attempt))
    if (job?.order !== Number(order)) return // a dead letter that is a command again has its old id, in another place
    if (reasonCode >= 0x80) {
      job.error = { name: 'Refused', message: `the handler's PUBACK has the reason code 0x${reasonCode.toString(16)}` }
      this.#group(session.group).retry(job, 'internal')
    } else await this.#endByHandler(job, { events: [] })
  }

  /**
   * A handler says how a delivery ended. Resolves when the end is stored; what came too late, or from one who does not hold
   * the command, changes nothing.
   * @throws {Refusal} `forbidden` or `bad_payload` when an event is none that its key may publish; the attempt has failed
   */
  settle(session: HandlerSession, done: Said): void | Promise<void> {
    const job = this.#group(session.group).held(session, done.command, done.attempt)
    if (!job) return this.#ports.log.debug({ command: done.command, group: session.group }, 'a late end, ignored')
    if (done.outcome === 'retry') {
      job.error = done.error
      const { code, reason = 'something that it needs is not there', damaged = false } = done
      return this.#group(session.group).retry(job, code, code === 'unavailable' ? { lack: { reason, damaged } } : {})
    }
    const { events = [], later } = done
    const forget = 'forget' in done ? done.forget : undefined
    try {
      for (const event of events) checkEvent(session, event)
      for (const one of forget ?? []) for (const event of one.events) checkEvent(session, { event, fields: {} })
      const foreign = later?.find(({ command }) => !this.#isLater(command, session.group))?.command
      if (foreign !== undefined) {
        throw refuse('forbidden', undefined, `the key of ${session.group} does not open the later command ${foreign}`)
      }
    } catch (err) {
      this.fail(session, done.command, done.attempt, (err as Error).message)
      throw err
    }
    const { name } = job
    if (done.outcome === 'refused' && job.isInternal) {
      const [command, id] = [name, done.command]
      this.#ports.log.warn(
        { command, id, code: done.code },
        'a handler refused a command that the broker sent; nobody is told',
      )
    }
    if (done.outcome === 'done' || job.isInternal) return this.#endByHandler(job, { events, later, forget })
    const refusal = new Refusal(done.code, {
      message: done.message,
      ...(done.fields && { fields: done.fields }),
      ...(done.retry_after_ms !== undefined && { retryAfterMs: done.retry_after_ms }),
    })
    return this.#endByHandler(job, { events: [rejection(job, refusal), ...events], later })
  }

  /** A handler process computes and begins nothing, or does again; what it gives back had not begun. */
  busy(session: HandlerSession, said: Busy): void {
    const { group, client } = session
    const { busy, back } = said
    const isNew = this.#group(group).busy(session, said)
    if (isNew === undefined) return
    const { log, metrics } = this.#ports
    if (this.#attendance.isStuck(session, said.stuck)) metrics.stuck.inc()
    if (!isNew) return
    if (busy)
      log.warn({ group, client, back: back.length }, 'a handler process computes; what it has not begun is given back')
    else log.info({ group, client }, 'a handler process begins commands again')
  }

  /** What a handler says of a command's end is refused: the attempt has failed, or the command would wait for its time limit. */
  fail(session: HandlerSession, command: string, attempt: number | undefined, why: string): void {
    const job = this.#group(session.group).held(session, command, attempt)
    if (!job) return
    job.error = { name: 'Refused', message: why.slice(0, 500) }
    this.#group(session.group).retry(job, 'internal')
  }

  /**
   * What keeps groups from their commands: a line for each that has no process, or puts commands off, with a reason of theirs.
   * `damaged`: a file must be restored first.
   */
  lacking(): { text: string; damaged: boolean }[] {
    const putOff = [...this.#groups].flatMap(([name, { lacks }]) => {
      if (!lacks) return []
      const text = `the group ${name} puts commands off: ${lacks.reason.replace(/\p{Cc}/gu, ' ')}`
      return [{ text, damaged: lacks.damaged }]
    })
    return [...this.#attendance.faults().map((text) => ({ text, damaged: false })), ...putOff]
  }

  /** May this group have that command sent to it later? */
  #isLater(command: string, group: string): boolean {
    return this.#rules.get(command)?.internal === 'later' && this.#routes.of(command)?.[0] === group
  }

  close(): void {
    this.#isClosed = true
    this.#attendance.close()
    for (const group of this.#groups.values()) group.close()
  }

  /** Stores the end with its events as one unit, which lets the events out. The owner alone may have any. */
  #end(job: Job, ending: Ending): Promise<void> {
    const { queue } = this.#ports
    let command: Command | undefined
    try {
      command = queue.load(job)
    } catch (err) {
      return Promise.reject(err)
    }
    if (!command) return this.#endUnreadable(job)
    return this.#store(job, command, ending)
  }

  #store(job: Job, command: Command, ending: Ending): Promise<void> {
    const { group } = job
    const { storage, queue, dead, events, live, later, log } = this.#ports
    const { died } = ending
    const isOwner = this.#routes.of(command.name)?.[0] === group
    if (!isOwner && ending.events.length > 0 && !died) {
      log.warn({ command: command.name, group }, 'an observer cannot answer')
    }
    const at = isoNow()
    const allowed = isOwner ? ending.events.map(({ to, event, fields }) => ({ to, event, fields, at })) : []
    job.ending = true
    return storage
      .commit(
        (unit) => {
          const plans: ReturnType<LiveEvents['plan']>[] = []
          const plain: (OutgoingEvent & { at: string })[] = []
          for (const event of allowed) {
            if (live.isLive(event.event)) plans.push(live.plan(event, command.user, command.stored))
            else plain.push(event)
          }
          const refusal = plans.every((plan) => plan.refusal) ? plans[0]?.refusal : undefined
          const caused = refusal ? refused(plain, command, refusal, at) : plain
          const place = command.internal ? -1 : caused.findIndex(({ to }) => to === command.user)
          const isNumbered = (i: number): boolean => command.stored && !(i === place && command.onlyTo !== undefined)
          const told = caused.map((event, i) => (isNumbered(i) ? events.number(event) : event))
          const answer = told[place]
          queue.finish(unit, job, isOwner ? { answer } : undefined)
          if (died) dead.add(unit, died)
          if (isOwner && ending.forget) {
            events.forget(unit, ending.forget)
            for (const what of ending.forget) queue.forget(unit, what)
          }
          for (const event of told) {
            const cause = event === answer ? command : undefined
            if ('numbers' in event) events.keep(unit, event, cause)
            else events.emit(unit, event, cause)
          }
          for (const plan of plans) plan.commit(unit)
          if (isOwner) later.add(unit, command.user, ending.later ?? [], refusal !== undefined)
        },
        { inOrder: command.stored },
      )
      .then(
        () => this.#ended(job, command, ending, isOwner),
        (err: unknown) => {
          job.ending = false
          throw err
        },
      )
  }

  /** An end is stored. */
  #ended(job: Job, command: Command, ending: Ending, isOwner: boolean): void {
    const { group } = job
    const { replays, metrics } = this.#ports
    this.#group(group).end(job)
    replays.ended(command.id, group, () => outcomeOf(ending))
    if (!isOwner) return
    metrics.ended.took(command.name, (Date.now() - command.at) / 1000)
    this.#dropSurplus()
  }

  /** The record of a command is broken, which the storage has told: nobody is left to be answered. */
  async #endUnreadable(job: Job): Promise<void> {
    const { storage, queue, log } = this.#ports
    log.error({ command: job.name, user: job.user, group: job.group }, 'a command is lost: its record cannot be read')
    job.ending = true
    await storage.commit((unit) => queue.finish(unit, job))
    this.#group(job.group).end(job)
  }

  /** Observers that are away or slow hold more than they may: the one that holds most loses its oldest. */
  #dropSurplus(): void {
    const { queue, metrics, log } = this.#ports
    for (let left = DROPPED_AT_ONCE; left > 0; left--) {
      const job = queue.surplus()
      if (!job) return
      if (job.ending) continue
      metrics.dropped.inc()
      const { name: command, user, group } = job
      log.error(
        { command, user, group },
        'a command is dropped for a group that observes it: too many wait for it; start a process of it, or it never sees them',
      )
      this.#endBySelf(job)
    }
  }

  /** A handler has ended it; when that cannot be stored, it has to say so again. */
  #endByHandler(job: Job, ending: Ending): Promise<void> {
    return this.#end(job, ending).catch((err: unknown) => {
      this.#ports.log.error({ err, command: job.inHand?.command.id }, 'the end of a command cannot be stored')
      this.#group(job.group).retry(job, 'unavailable')
      throw refuse('unavailable')
    })
  }

  /** The broker ends it; when that cannot be stored, it tries until it can. */
  #endBySelf(job: Job, event?: OutgoingEvent, died?: DeadLetter): void {
    this.#end(job, { events: event && !job.isInternal ? [event] : [], died }).catch(() => {
      job.ending = true // nobody else may end it meanwhile
      if (!this.#isClosed) setTimeout(() => this.#endBySelf(job, event, died), TRY_AGAIN).unref()
    })
  }

  #hand(job: Job): void {
    const group = this.#group(job.group)
    group.accept(job)
    if (group.members === 0 && job.isStored) this.#attendance.away(job.group)
  }

  #group(name: string): Group {
    let group = this.#groups.get(name)
    if (group) return group
    group = new Group({
      rule: (command) => this.#rules.get(command) ?? UNDECLARED,
      deliver: (member, job) => this.#deliver(member, job),
      mayRun: (command) => this.#ports.standing.mayRun(command),
      load: (job) => this.#load(job),
      putAway(job) {
        if (job.isStored) job.inHand = undefined
      },
      failed: (job) => this.#ports.queue.tried(job),
      dead: (job, code) => this.#die(job, code),
      expired: (job, code) => {
        this.#endBySelf(job, rejection(job, refuse(code)))
        if (code === 'unavailable' && job.isStored && !this.#group(name).has(job.name))
          this.#routes.leave(job.name, name)
      },
      queueTtlMs: this.#ports.config.QUEUE_TTL,
      retryDelayMs: this.#ports.config.RETRY_DELAY,
    })
    this.#groups.set(name, group)
    return group
  }

  /** Has the command in hand. What cannot be read at all, as when the file is damaged, is no more than lost for now. */
  #load(job: Job): boolean {
    try {
      if (this.#ports.queue.load(job)) return true
    } catch (err) {
      this.#ports.log.error({ err, command: job.name, user: job.user }, 'a command cannot be read')
    }
    job.ending = true
    this.#endBySelf(job)
    return false
  }

  #die(job: Job, code: Failure): void {
    const { queue, metrics, log } = this.#ports
    const { name, user, group, attempt: attempts, isStored } = job
    const command = queue.load(job)
    metrics.dead.inc({ command: name })
    log.error({ command: name, id: command?.id, user, group, attempts, code }, 'a command is dead')
    const error = job.error && tellAgain(job.error, command && readJsonObject(command.payload))
    const letter = command && isStored ? { command, group, attempts, code, error, at: Date.now() } : undefined
    this.#endBySelf(job, failure(job, refuse(code)), letter)
  }

  #deliver(member: Member, job: Job): void {
    const seesClients = this.#rules.get(job.name)?.seesClients
    const delivery = deliveryOf(member, job, seesClients ? this.#ports.clientsOf(job.user) : undefined)
    this.#ports.engine().deliver(member.session, delivery)
  }
}
