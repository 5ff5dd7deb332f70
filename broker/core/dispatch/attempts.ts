import type { Config } from '../../../shared/config.ts'
import type { Logger } from '../../../shared/log.ts'
import { readJsonObject } from '../../../shared/wire/json.ts'
import { refuse } from '../../../shared/wire/refusal.ts'
import { tellAgain } from '../../../shared/wire/told-error.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { CommandQueue } from '../queue/queue.ts'
import type { Reach } from '../reach.ts'
import type { Standing } from '../standing.ts'
import { failure, rejection } from './answers.ts'
import type { Completion } from './completion.ts'
import { deliveryOf } from './delivery.ts'
import { Group } from './group.ts'
import type { Failure, Job, Member } from './job.ts'
import type { Rules } from './rules.ts'

export interface AttemptPorts {
  config: Config
  queue: CommandQueue
  reach: Reach
  standing: Pick<Standing, 'mayRun'>
  metrics: Metrics
  rules: Rules
  completion: Completion
  /** A user's clients that are connected. */
  readonly clientsOf: (user: UserId) => string[]
  log: Logger
}

/** Opens a group whose attempts are delivered to its members, and end here when the last one fails or none may run. */
export function openGroup(name: string, ports: AttemptPorts): Group {
  const { config, queue, reach, standing, metrics, rules, completion, log } = ports

  /** Gets the command into memory. One that cannot be read now, because the file is damaged for example, is ended. */
  function load(job: Job): boolean {
    try {
      if (queue.load(job)) return true
    } catch (err) {
      log.error({ err, command: job.name, user: job.user }, 'cannot read a command from the queue; it is ended')
    }
    job.ending = true
    completion.byBroker(job)
    return false
  }

  function die(job: Job, code: Failure): void {
    const { name, user, group, attempt: attempts, isStored } = job
    const command = queue.load(job)
    metrics.dead.inc({ command: name, code })
    log.error(
      { command: name, id: command?.id, user, group, attempts, code },
      'a command is dead: its last attempt has failed. `npm run dead` lists dead letters and replays them',
    )
    const error = job.error && tellAgain(job.error, command && readJsonObject(command.payload))
    const letter = command && isStored ? { command, group, attempts, code, error, at: Date.now() } : undefined
    completion.byBroker(job, failure(job, refuse(code)), letter)
  }

  function deliver(member: Member, job: Job): void {
    const clients = rules.of(job.name).seesClients ? ports.clientsOf(job.user) : undefined
    metrics.attempts.add(job.name)
    if (job.attempt === 1 && job.putOff === 0 && job.lost === 0)
      metrics.dispatched.took(job.name, (performance.now() - job.since) / 1000)
    reach.deliver(member.session, deliveryOf(member, job, clients))
  }

  const group: Group = new Group({
    rule: (command) => rules.of(command),
    deliver,
    mayRun: (command) => standing.mayRun(command),
    load,
    putAway(job) {
      if (job.isStored) job.inHand = undefined
    },
    retried(job, code) {
      metrics.retries.inc({ command: job.name, code })
      if (code !== 'unavailable') queue.tried(job)
    },
    dead: die,
    expired(job, code) {
      completion.byBroker(job, rejection(job, refuse(code)))
      if (code === 'unavailable' && job.isStored && !group.has(job.name)) rules.routes.leave(job.name, name)
    },
    queueTtlMs: config.QUEUE_TTL,
    retryDelayMs: config.RETRY_DELAY,
  })
  return group
}
