import type { Config } from '../../../shared/config.ts'
import type { Logger } from '../../../shared/log.ts'
import type { Catalogue } from '../../../shared/wire/catalogue.ts'
import type { Busy } from '../../../shared/wire/member.ts'
import { refuse } from '../../../shared/wire/refusal.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { Command, HandlerSession } from '../../seam/session.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Events } from '../events/events.ts'
import type { LiveEvents } from '../events/live-events.ts'
import type { Wakes } from '../events/wakes.ts'
import type { Later } from '../later.ts'
import type { DeadLetter, DeadLetters } from '../queue/dead-letters.ts'
import type { Appended, CommandQueue } from '../queue/queue.ts'
import type { Replays } from '../queue/replays.ts'
import type { Reach } from '../reach.ts'
import type { Standing } from '../standing.ts'
import type { Tail } from '../tail.ts'
import { forgotten, noRoom, rejection } from './answers.ts'
import { Attendance } from './attendance.ts'
import { openGroup } from './attempts.ts'
import { Completion } from './completion.ts'
import { gaugeGroups } from './group-gauges.ts'
import { ageOf, type Group, type ProcessLook } from './group.ts'
import { HandlerResults } from './handler-results.ts'
import type { Job } from './job.ts'
import { reviveAll } from './revive-all.ts'
import { Rules } from './rules.ts'

/** What a dispatcher works with. */
export interface DispatchPorts {
  config: Config
  storage: Storage
  queue: CommandQueue
  dead: DeadLetters
  replays: Replays
  reach: Reach
  events: Events
  liveEvents: LiveEvents
  wakes: Wakes
  later: Later
  standing: Pick<Standing, 'mayRun'>
  tail: Tail
  metrics: Metrics
  /** A user's clients that are connected. */
  readonly clientsOf: (user: UserId) => string[]
  log: Logger
}

/** A group as an operator sees it. */
export interface GroupLook {
  group: string
  /** Commands that are accepted and have not ended. */
  commands: number
  /** Age of the oldest of them, in seconds; 0 without any. */
  oldest_s: number
  /** How many of them its processes hold. */
  in_flight: number
  processes: ProcessLook[]
  /** Why it puts commands off, if it does. */
  puts_off?: string
}

/**
 * Brings stored commands to the groups that run them. Rules say which groups those are (rules.ts), a group gives each command
 * to one of its members (group.ts, attempts.ts), handlers report results (handler-results.ts), and an end is stored with its
 * answer and events (completion.ts).
 */
export class Dispatch {
  readonly rules: Rules
  readonly results: HandlerResults
  readonly #groups = new Map<string, Group>()
  readonly #completion: Completion
  readonly #attendance: Attendance
  readonly #ports: DispatchPorts

  constructor(ports: DispatchPorts) {
    this.#ports = ports
    this.rules = new Rules(ports.storage, (setting) => ports.config[setting as keyof Config] !== undefined)
    const group = (name: string): Group => this.#group(name)
    this.#completion = new Completion({ ...ports, rules: this.rules, group })
    this.results = new HandlerResults({ rules: this.rules, completion: this.#completion, group, log: ports.log })
    const isDeclared = (name: string): boolean => this.rules.isDeclared(name)
    this.#attendance = new Attendance(this.#groups, isDeclared, ports.log)
    gaugeGroups(ports.metrics.registry, this.#groups, isDeclared)
  }

  /** Reads what handlers declare. Another call adds what has changed since. */
  declare(catalogue: Catalogue): void {
    for (const group of this.rules.declare(catalogue)) this.#group(group)
  }

  /** Hands the commands that were accepted before this broker started to their groups. */
  resume(): void {
    let count = 0
    for (const job of this.#ports.queue.open((command) => this.rules.ownerOf(command))) {
      count++
      this.#hand(job)
    }
    if (count > 0) this.#ports.log.info({ count }, 'resumed the commands that were accepted before this start')
  }

  /**
   * Stores a command, then hands it to a member of each group that runs it. If the same command has already ended, its answer is
   * sent again, unless the sender's session has kept that answer.
   * @throws {Refusal} `unknown_command`, `conflict` or `unavailable`; then nothing was stored
   */
  accept(command: Command, isRetransmitted: boolean): Promise<void> {
    const groups = this.rules.routes.of(command.name)
    if (!groups) return Promise.reject(refuse('unknown_command'))
    return this.#ports.queue.append(command, groups, isRetransmitted).then(
      (appended) => this.#appended(command, groups[0]!, appended, isRetransmitted),
      (err: unknown) => {
        this.#ports.log.error({ err }, 'cannot store a command in the queue; its sender is told `unavailable`')
        throw refuse('unavailable')
      },
    )
  }

  /** Acts on the queue's answer to an append. */
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
    this.#ports.tail.accepted(command)
    for (const job of appended.jobs) this.#hand(job)
    if (!command.stored || command.internal || this.#group(owner).has(command.name)) return
    const fields = { command: command.name }
    return events.tell({ to: command.user, event: 'command_queued', fields }, command).catch(() => {}) // it is accepted
  }

  /**
   * Turns dead letters into commands again, under their old ids, ordered after what their users have sent since. A letter whose
   * id is open stays dead: its device has sent the id again, or another replay has begun it. Two commands never share an id.
   * @param replay the replay that records how they end
   * @throws when they cannot be stored; then they stay dead
   */
  async replay(letters: readonly DeadLetter[], replay: string): Promise<{ revived: number; open: DeadLetter[] }> {
    const { storage, queue, dead, replays } = this.#ports
    const ownerOf = (command: string): string | undefined => this.rules.ownerOf(command)
    const { revived, open } = await reviveAll(letters, { storage, queue, dead, ownerOf })
    const alive = revived.flatMap(({ letters }) => letters)
    replays.add(replay, alive)
    for (const { jobs } of revived) for (const job of jobs) this.#hand(job)
    return { revived: alive.length, open }
  }

  /** A handler process has subscribed to a command. */
  consume(session: HandlerSession, window: number, command: string, qos: 0 | 1): void {
    this.rules.routes.observe(command, session.group)
    const allowed = Math.min(window, this.#ports.config.HANDLER_WINDOW)
    const group = this.#group(session.group)
    const isFirst = group.members === 0
    group.consume(session, allowed, command, qos)
    if (isFirst) this.#attendance.arrived(session.group)
    this.#attendance.isBack(session.client)
  }

  /** A handler process has unsubscribed from a command. */
  stopConsuming(session: HandlerSession, command: string): void {
    this.#group(session.group).stopConsuming(session, command)
  }

  /** A handler process has lost its connection. */
  lost(session: HandlerSession): void {
    const group = this.#group(session.group)
    const before = group.members
    group.lost(session)
    this.#attendance.gone(session)
    if (before > 0 && group.members === 0) this.#attendance.away(session.group)
  }

  /** A handler process was cut off because it was silent for longer than its keepalive. */
  fellSilent({ group, client }: HandlerSession): void {
    this.#attendance.fellSilent(group, client)
  }

  /** A handler process reports that it is busy computing, or is free again, and gives back what it had not begun. */
  busy(session: HandlerSession, said: Busy): void {
    const { group, client } = session
    const { busy, back } = said
    const hasChanged = this.#group(group).busy(session, said)
    if (hasChanged === undefined) return
    const { log, metrics } = this.#ports
    if (this.#attendance.isStuck(session, said.stuck)) metrics.stuck.inc()
    if (!hasChanged) return
    if (busy) {
      log.warn(
        { group, client, back: back.length },
        'a handler process is busy computing; the commands that it had not begun go to other processes',
      )
    } else log.info({ group, client }, 'a handler process is free again and begins commands')
  }

  /**
   * A line for each fault that keeps a group from its commands: it has no process, or it puts commands off.
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

  /** Each group that is declared, has a process or has commands. */
  look(): GroupLook[] {
    return [...this.#groups].flatMap(([name, { size, oldest, inHand, processes, lacks }]) => {
      if (size === 0 && processes.length === 0 && !this.rules.isDeclared(name)) return []
      const puts_off = lacks?.reason
      const oldest_s = Math.max(0, Math.round(ageOf(oldest) * 10) / 10)
      const look = { group: name, commands: size, oldest_s, in_flight: inHand, processes }
      return [{ ...look, ...(puts_off !== undefined && { puts_off }) }]
    })
  }

  close(): void {
    this.#completion.close()
    this.#attendance.close()
    for (const group of this.#groups.values()) group.close()
  }

  #hand(job: Job): void {
    const group = this.#group(job.group)
    group.accept(job)
    if (group.members === 0 && job.isStored) this.#attendance.away(job.group)
  }

  #group(name: string): Group {
    let group = this.#groups.get(name)
    if (!group) {
      group = openGroup(name, { ...this.#ports, rules: this.rules, completion: this.#completion })
      this.#groups.set(name, group)
    }
    return group
  }
}
