import type { Logger } from '../../../shared/log.ts'
import type { OutgoingEvent } from '../../../shared/wire/done.ts'
import { refuse } from '../../../shared/wire/refusal.ts'
import { isoNow } from '../../../shared/wire/time.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { Command } from '../../seam/session.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Events } from '../events/events.ts'
import type { LiveEvents } from '../events/live-events.ts'
import type { Wakes } from '../events/wakes.ts'
import type { Later } from '../later.ts'
import type { DeadLetter, DeadLetters } from '../queue/dead-letters.ts'
import type { CommandQueue } from '../queue/queue.ts'
import type { Replays } from '../queue/replays.ts'
import type { Tail } from '../tail.ts'
import { outcomeOf, refused, type Ending } from './answers.ts'
import type { Group } from './group.ts'
import type { Job } from './job.ts'
import type { Rules } from './rules.ts'

/** Milliseconds before the broker tries again to store an end. */
const TRY_AGAIN = 500
/** Surplus commands of observers dropped after each end, at most. More than one end can add, so that the surplus shrinks. */
const DROPPED_AT_ONCE = 4

export interface CompletionPorts {
  storage: Storage
  queue: CommandQueue
  dead: DeadLetters
  replays: Replays
  events: Events
  liveEvents: LiveEvents
  wakes: Wakes
  later: Later
  metrics: Metrics
  rules: Rules
  tail: Tail
  group(name: string): Group
  log: Logger
}

/** Ends commands: stores the end of a command, its answer and its events as one unit. */
export class Completion {
  readonly #ports: CompletionPorts
  #isClosed = false

  constructor(ports: CompletionPorts) {
    this.#ports = ports
  }

  /**
   * Ends a job as its handler asked. When the end cannot be stored, the job is retried.
   * @throws {Refusal} `unavailable` when the end cannot be stored
   */
  byHandler(job: Job, ending: Ending): Promise<void> {
    return this.#end(job, ending).catch((err: unknown) => {
      this.#ports.log.error(
        { err, command: job.inHand?.command.id },
        'cannot store the end of a command; the command will be retried',
      )
      this.#ports.group(job.group).retry(job, 'unavailable')
      throw refuse('unavailable')
    })
  }

  /** Ends a job on the broker's own account. When the end cannot be stored, tries again until it can. */
  byBroker(job: Job, event?: OutgoingEvent, died?: DeadLetter): void {
    this.#end(job, { events: event && !job.isInternal ? [event] : [], died }).catch(() => {
      job.ending = true // keeps everything else from ending it in the meantime
      if (!this.#isClosed) setTimeout(() => this.byBroker(job, event, died), TRY_AGAIN).unref()
    })
  }

  close(): void {
    this.#isClosed = true
  }

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

  /** Stores the end and its events as one unit; the events go out once it is stored. Only the owner may cause events. */
  #store(job: Job, command: Command, ending: Ending): Promise<void> {
    const { group } = job
    const { storage, queue, dead, events, liveEvents, wakes, later, rules, log } = this.#ports
    const { died } = ending
    const isOwner = rules.ownerOf(command.name) === group
    if (!isOwner && ending.events.length > 0 && !died) {
      log.warn(
        { command: command.name, group },
        'ignored the events of a group that only observes this command; only its owner can answer it',
      )
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
            if (liveEvents.isLive(event.event)) plans.push(liveEvents.plan(event, command.user, command.stored))
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
            const asked = event === answer ? command : undefined
            if ('numbers' in event) {
              events.keep(unit, event, asked)
              wakes.add(unit, event, command.user)
            } else events.emit(unit, event, asked)
          }
          for (const plan of plans) plan.commit(unit)
          if (isOwner) later.add(unit, command.user, ending.later ?? [], refusal !== undefined)
        },
        { inOrder: command.stored },
      )
      .then(
        () => this.#stored(job, command, ending, isOwner),
        (err: unknown) => {
          job.ending = false
          throw err
        },
      )
  }

  #stored(job: Job, command: Command, ending: Ending, isOwner: boolean): void {
    const { group } = job
    const { replays, tail, metrics } = this.#ports
    this.#ports.group(group).end(job)
    replays.ended(command.id, group, () => outcomeOf(ending))
    tail.ended(command, group, () => outcomeOf(ending))
    if (!isOwner) return
    metrics.ended.took(command.name, (Date.now() - command.at) / 1000)
    this.#dropSurplus()
  }

  /** Ends a job whose record is broken: the storage has logged that, and without the record nobody can be answered. */
  async #endUnreadable(job: Job): Promise<void> {
    const { storage, queue, log } = this.#ports
    log.error(
      { command: job.name, user: job.user, group: job.group },
      'lost a command: its record cannot be read, so its sender gets no answer',
    )
    job.ending = true
    await storage.commit((unit) => queue.finish(unit, job))
    this.#ports.group(job.group).end(job)
  }

  /** While observers hold more than their share of the queue, the one that holds the most loses its oldest command. */
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
        'dropped the oldest command of a group that observes it: too many wait for that group; start or speed up its processes',
      )
      this.byBroker(job)
    }
  }
}
