import type { Logger } from '../../../shared/log.ts'
import type { ToldStuck } from '../../../shared/wire/member.ts'
import type { HandlerSession } from '../../seam/session.ts'
import type { Group } from './group.ts'

/** Milliseconds that a group may be without a process before that is reported, so that a rolling restart stays quiet. */
const GRACE = 5_000
/** Milliseconds for which a silent process is reported, unless it comes back; and how many are reported, at most. */
const SILENCE_TOLD = 600_000
const MAX_SILENT = 100

interface Absence {
  since: number
  timer: NodeJS.Timeout
  isTold: boolean
}

/** Reports groups that have no process, or none that consumes a command that waits: in the log and in `/readyz`. */
export class Attendance {
  readonly #groups: ReadonlyMap<string, Group>
  readonly #isDeclared: (group: string) => boolean
  readonly #log: Logger
  readonly #graceMs: number
  readonly #absences = new Map<string, Absence>()
  readonly #seen = new Set<string>()
  readonly #openedAt = Date.now()
  /** Processes that were cut off because they were silent, by client id. */
  readonly #silent = new Map<string, { group: string; since: number }>()

  /** Processes that compute past a time limit: of which command, and since when. */
  readonly #stuck = new Map<HandlerSession, { command: string | undefined; since: number }>()

  constructor(
    groups: ReadonlyMap<string, Group>,
    isDeclared: (group: string) => boolean,
    log: Logger,
    graceMs: number = GRACE,
  ) {
    this.#groups = groups
    this.#isDeclared = isDeclared
    this.#log = log
    this.#graceMs = graceMs
  }

  /** A group's last process has gone, or a command has come while it has none. */
  away(group: string): void {
    if (this.#absences.has(group)) return
    const timer = setTimeout(() => this.#tell(group), this.#graceMs).unref()
    this.#absences.set(group, { since: Date.now(), timer, isTold: false })
  }

  /** A group's first process has connected. */
  arrived(group: string): void {
    const absence = this.#absences.get(group)
    clearTimeout(absence?.timer)
    this.#absences.delete(group)
    if (absence?.isTold) {
      const { waiting } = this.#waiting(group)
      this.#log.info({ group, waiting, awayMs: Date.now() - absence.since }, 'a group has a process again')
    } else if (!this.#seen.has(group)) this.#log.info({ group }, 'a group has its first process')
    this.#seen.add(group)
  }

  /** A process was cut off because it was silent: it hangs, perhaps with a lock that others need, or its network is down. */
  fellSilent(group: string, client: string): void {
    this.#silent.delete(client)
    this.#silent.set(client, { group, since: Date.now() })
    if (this.#silent.size > MAX_SILENT) this.#silent.delete(this.#silent.keys().next().value!)
    this.#log.warn({ group, client }, 'cut off a handler process that does not answer; kill it if it hangs')
  }

  /** A process reports, perhaps again, that it is stuck, or that it is not (`undefined`). Returns true when it has just become stuck. */
  isStuck(session: HandlerSession, stuck: ToldStuck | undefined): boolean {
    if (!stuck) this.#stuck.delete(session)
    if (!stuck || this.#stuck.has(session)) return false
    this.#stuck.set(session, { command: stuck.command, since: Date.now() - stuck.over_ms })
    const { group, client } = session
    const { command, over_ms } = stuck
    this.#log.warn(
      { group, client, command, over_ms },
      'a handler process is stuck: it computes past its time limit and begins no commands; it ends itself, unless a debugger is attached: then kill it',
    )
    return true
  }

  /** A process has gone. */
  gone(session: HandlerSession): void {
    this.#stuck.delete(session)
  }

  /** A process is connected, perhaps again. */
  isBack(client: string): void {
    this.#silent.delete(client)
  }

  /** A line for each process that is silent or stuck, and for each group whose commands wait for a process. */
  faults(): string[] {
    return [...this.#silences(), ...this.#standstills(), ...this.#shortages()]
  }

  #standstills(): string[] {
    return [...this.#stuck].map(([{ group, client }, { command, since }]) => {
      const past =
        command === undefined ? 'longer than any of its commands may run' : `past the time limit of ${command}`
      return `a process of the group ${group} (${client}) is stuck: it has computed for ${seconds(Date.now() - since)} s ${past}`
    })
  }

  #silences(): string[] {
    const now = Date.now()
    for (const [client, { since }] of this.#silent) if (now - since > SILENCE_TOLD) this.#silent.delete(client)
    return [...this.#silent].map(([client, { group, since }]) => {
      return `a process of the group ${group} (${client}) has not answered for ${seconds(now - since)} s`
    })
  }

  #shortages(): string[] {
    const now = Date.now()
    return [...this.#groups].flatMap(([name, group]) => {
      const absence = this.#absences.get(name)
      if (absence) {
        if (group.size === 0 || now - absence.since < this.#graceMs) return []
        const { waiting, oldestMs } = this.#waiting(name)
        return [`the group ${name} has no process: ${waiting} waiting, the oldest for ${seconds(oldestMs)} s`]
      }
      return group.unconsumed().flatMap(({ command, at }) => {
        const waitedMs = now - Math.max(at, this.#openedAt)
        if (waitedMs < this.#graceMs) return []
        return [`no process of the group ${name} consumes ${command}: the oldest has waited for ${seconds(waitedMs)} s`]
      })
    })
  }

  close(): void {
    for (const { timer } of this.#absences.values()) clearTimeout(timer)
  }

  #tell(group: string): void {
    const absence = this.#absences.get(group)!
    const { waiting, oldestMs } = this.#waiting(group)
    if (waiting === 0 && !this.#isDeclared(group)) return
    absence.isTold = true
    const oldest = waiting > 0 && { oldest_s: seconds(oldestMs) }
    this.#log.warn({ group, waiting, ...oldest }, 'a group has no process; its commands wait until one is started')
  }

  #waiting(name: string): { waiting: number; oldestMs: number } {
    const group = this.#groups.get(name)
    return { waiting: group?.size ?? 0, oldestMs: Date.now() - (group?.oldest ?? Date.now()) }
  }
}

function seconds(ms: number): number {
  return Math.round(ms / 1000)
}
