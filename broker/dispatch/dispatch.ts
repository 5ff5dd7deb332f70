import type { Config } from '../../shared/config.ts'
import type { Logger } from '../../shared/log.ts'
import type { Catalogue } from '../../shared/wire/catalogue.ts'
import type { OutgoingEvent, Said } from '../../shared/wire/done.ts'
import { refuse, Refusal, refusalFields } from '../../shared/wire/refusal.ts'
import type { Delivery, MqttEngine } from '../aedes/port.ts'
import { mayCause } from '../authority.ts'
import type { Events } from '../events.ts'
import type { Metrics } from '../metrics.ts'
import type { CommandQueue } from '../queue/queue.ts'
import type { Command, HandlerSession } from '../session.ts'
import { Group, type Job, type Member, type Rule } from './group.ts'

/** How a command is run whose group declares nothing: a plain MQTT client. */
const UNDECLARED: Rule = { ordered: true, timeoutMs: 30_000, attempts: 5 }

/** Everything that follows a command's being stored: who runs it, how often, and what its sender is told in the end. */
export class Dispatch {
  readonly #groups = new Map<string, Group>()
  /** Command to the groups that take it, its owner first: the one that declares it, else the first that came. */
  readonly #routes = new Map<string, string[]>()
  readonly #rules = new Map<string, Rule>()
  readonly #deliveries = new WeakMap<Delivery, Job>()
  readonly #config: Config
  readonly #queue: CommandQueue
  readonly #engine: () => MqttEngine
  readonly #events: Events
  readonly #metrics: Metrics
  readonly #log: Logger

  constructor(parts: {
    config: Config
    queue: CommandQueue
    engine: () => MqttEngine
    events: Events
    metrics: Metrics
    log: Logger
  }) {
    this.#config = parts.config
    this.#queue = parts.queue
    this.#engine = parts.engine
    this.#events = parts.events
    this.#metrics = parts.metrics
    this.#log = parts.log
  }

  /** Learns what the handlers' files declare; a second time, what has changed since. */
  declare(catalogue: Catalogue): void {
    for (const [group, { commands }] of Object.entries(catalogue)) {
      for (const [command, rule] of Object.entries(commands)) {
        this.#rules.set(command, rule)
        this.#route(command, group, true)
      }
    }
  }

  isKnown(command: string): boolean {
    return this.#routes.has(command)
  }

  /**
   * Stores a command, then hands it to a member of each group that takes it.
   * @throws {Refusal} `unknown_command`, `conflict` or `unavailable`; then nothing was stored
   */
  async accept(command: Command): Promise<void> {
    const groups = this.#routes.get(command.name)
    if (!groups) throw refuse('unknown_command')
    const appended = await this.#queue.append(command, groups).catch((err: unknown) => {
      this.#log.error({ err }, 'the queue cannot store')
      throw refuse('unavailable')
    })
    if (appended.kind === 'full') throw refuse('unavailable')
    if (appended.kind === 'conflict') {
      throw refuse('conflict', { id: 'was used before with another payload' })
    }
    if (appended.kind === 'repeat') {
      if (appended.answer) await this.#events.emit(appended.answer, command)
      return
    }
    this.#metrics.accepted.inc({ command: command.name })
    for (const group of groups) this.#group(group).accept(command)
    const owner = this.#group(groups[0]!)
    if (command.stored && !owner.has(command.name)) {
      const fields = { command: command.name }
      await this.#events.emit({ to: command.user, event: 'command_queued', fields }, command)
    }
  }

  take(session: HandlerSession, window: number, command: string, qos: 0 | 1): void {
    this.#route(command, session.group, false)
    const allowed = Math.min(window, this.#config.HANDLER_WINDOW)
    this.#group(session.group).take(session, allowed, command, qos)
  }

  takeNoMore(session: HandlerSession, command: string): void {
    this.#group(session.group).takeNoMore(session, command)
  }

  lost(session: HandlerSession): void {
    this.#group(session.group).lost(session)
  }

  /** A PUBACK: the plain way to complete a delivery at QoS 1. */
  async acknowledged(session: HandlerSession, delivery: Delivery, reasonCode: number): Promise<void> {
    const job = this.#deliveries.get(delivery)
    if (!job || this.#group(session.group).held(session, job.command.id, Number(delivery.stamp['attempt'])) !== job)
      return
    if (reasonCode >= 0x80) this.#group(session.group).retry(job, 'internal')
    else await this.#end(session.group, job, [])
  }

  /**
   * A handler says how a delivery ended. Resolves when the end is stored; what came too late, or from one who does not hold
   * the command, changes nothing.
   * @throws {Refusal} `forbidden` when an event is none that its key may publish; the attempt has failed
   */
  async settle(session: HandlerSession, done: Said): Promise<void> {
    const job = this.#group(session.group).held(session, done.command, done.attempt)
    if (!job) return this.#log.debug({ command: done.command, group: session.group }, 'a late end, ignored')
    if (done.outcome === 'retry') return this.#group(session.group).retry(job, done.code)
    if (done.outcome === 'refused') {
      const refusal = new Refusal(done.code, {
        message: done.message,
        ...(done.fields && { fields: done.fields }),
        ...(done.retry_after_ms !== undefined && { retryAfterMs: done.retry_after_ms }),
      })
      return this.#end(session.group, job, [rejection(job.command, refusal)])
    }
    const foreign = done.events.find(({ event }) => !mayCause(session, event))
    if (foreign) {
      this.#group(session.group).retry(job, 'internal')
      throw refuse('forbidden', undefined, `the key of ${session.group} does not open the event ${foreign.event}`)
    }
    await this.#end(session.group, job, done.events)
  }

  close(): void {
    for (const group of this.#groups.values()) group.close()
  }

  /** Stores the end with the answer, then lets the events out. The owner alone may have any. */
  async #end(group: string, job: Job, events: readonly OutgoingEvent[]): Promise<void> {
    const { command } = job
    const isOwner = this.#routes.get(command.name)?.[0] === group
    if (!isOwner && events.length > 0) this.#log.warn({ command: command.name, group }, 'an observer cannot answer')
    const allowed = isOwner ? events : []
    job.ending = true
    try {
      await this.#queue.finish(
        command,
        group,
        allowed.find(({ to }) => to === command.user),
      )
    } catch (err) {
      this.#log.error({ err, command: command.id }, 'the queue cannot store an end')
      job.ending = false
      this.#group(group).retry(job, 'internal')
      throw err
    }
    await Promise.all(allowed.map((event) => this.#events.emit(event, command)))
    this.#group(group).end(job)
    if (isOwner) this.#metrics.ended.observe({ command: command.name }, (Date.now() - command.at) / 1000)
  }

  #endBySelf(group: string, job: Job, event: OutgoingEvent): void {
    this.#end(group, job, [event]).catch(() => {}) // logged there, and tried again
  }

  #route(command: string, group: string, owns: boolean): void {
    const groups = this.#routes.get(command) ?? []
    if (groups[0] === group || (!owns && groups.includes(group))) return
    const others = groups.filter((one) => one !== group)
    this.#routes.set(command, owns ? [group, ...others] : [...others, group])
  }

  #group(name: string): Group {
    let group = this.#groups.get(name)
    if (group) return group
    group = new Group({
      rule: (command) => this.#rules.get(command) ?? UNDECLARED,
      deliver: (member, job) => this.#deliver(member, job),
      dead: (job, code) => {
        const { id, name: command, user } = job.command
        this.#metrics.dead.inc({ command })
        this.#log.error({ command, id, user, attempts: job.attempt, code }, 'a command is dead')
        this.#endBySelf(name, job, failure(job.command, refuse(code)))
      },
      expired: (job, code) => this.#endBySelf(name, job, rejection(job.command, refuse(code))),
      queueTtlMs: this.#config.QUEUE_TTL,
      retryDelayMs: this.#config.RETRY_DELAY,
    })
    this.#groups.set(name, group)
    return group
  }

  #deliver(member: Member, job: Job): void {
    const { command } = job
    const delivery: Delivery = {
      topic: command.name,
      payload: command.payload,
      qos: command.stored ? member.takes.get(command.name)! : 0,
      stamp: {
        'command-id': command.id,
        'user-id': command.user,
        'client-id': command.client,
        attempt: String(job.attempt),
        at: new Date(command.at).toISOString(),
        traceparent: command.traceparent,
      },
    }
    this.#deliveries.set(delivery, job)
    this.#engine().deliver(member.session, delivery)
  }
}

function rejection(command: Command, refusal: Refusal): OutgoingEvent {
  return { to: command.user, event: 'command_rejected', fields: refusalFields(command.name, refusal) }
}

function failure(command: Command, refusal: Refusal): OutgoingEvent {
  return { to: command.user, event: 'command_failed', fields: refusalFields(command.name, refusal) }
}
