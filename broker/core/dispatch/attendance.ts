import type { Logger } from '../../../shared/log.ts'
import type { ToldStuck } from '../../../shared/wire/member.ts'
import type { HandlerSession } from '../../seam/session.ts'
import type { Group } from './group.ts'

/** Milliseconds for which a group may be without a process before anybody is told: a rolling restart stays quiet. */
const GRACE = 5_000
/** Milliseconds for which a process that fell silent is told of, unless it comes back; and how many are, at most. */
const SILENCE_TOLD = 600_000
const MOST_SILENT = 100

interface Absence {
  since: number
  timer: NodeJS.Timeout
  isTold: boolean
}

/** Notices groups that have no process, or none that takes a command, while commands wait: for the log and for `/readyz`. */
export class Attendance {
  readonly #groups: ReadonlyMap<string, Group>
  readonly #isDeclared: (group: string) => boolean
  readonly #log: Logger
  readonly #graceMs: number
  readonly #absences = new Map<string, Absence>()
  readonly #seen = new Set<string>()
  readonly #openedAt = Date.now()
  /** Processes that were cut off because they said nothing: client id to group, and when. */
  readonly #silent = new Map<string, { group: string; since: number }>()

  /** Processes that compute past a time limit: of which command, and when that was over. */
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

  /** Its last process has gone, or a command has come while there is none. */
  away(group: string): void {
    if (this.#absences.has(group)) return
    const timer = setTimeout(() => this.#tell(group), this.#graceMs).unref()
    this.#absences.set(group, { since: Date.now(), timer, isTold: false })
  }

  /** Its first process has come. */
  came(group: string): void {
    const absence = this.#absences.get(group)
    clearTimeout(absence?.timer)
    this.#absences.delete(group)
    if (absence?.isTold) {
      const { waiting } = this.#waiting(group)
      this.#log.info({ group, waiting, awayMs: Date.now() - absence.since }, 'a group has a process again')
    } else if (!this.#seen.has(group)) this.#log.info({ group }, 'a group has its first process')
    this.#seen.add(group)
  }

  /** A process was cut off since it said nothing for too long: it stands still, and may hold a lock that others need, or its network is gone. */
  fellSilent(group: string, client: string): void {
    this.#silent.delete(client)
    this.#silent.set(client, { group, since: Date.now() })
    if (this.#silent.size > MOST_SILENT) this.#silent.delete(this.#silent.keys().next().value!)
    this.#log.warn({ group, client }, 'a handler process does not answer and is cut off; kill it if it stands still')
  }

  /** A process says that it is stuck, or, without a reason, that it is not; it may say so again. Tells whether it is since now. */
  isStuck(session: HandlerSession, stuck: ToldStuck | undefined): boolean {
    if (!stuck) this.#stuck.delete(session)
    if (!stuck || this.#stuck.has(session)) return false
    this.#stuck.set(session, { command: stuck.command, since: Date.now() - stuck.over_ms })
    const { group, client } = session
    const { command, over_ms } = stuck
    this.#log.warn(
      { group, client, command, over_ms },
      'a handler process is stuck: it computes past its time limit and takes no commands; it ends itself unless it is debugged, else kill it',
    )
    return true
  }

  /** A process has gone. */
  gone(session: HandlerSession): void {
    this.#stuck.delete(session)
  }

  /** A process is there, again perhaps. */
  isBack(client: string): void {
    this.#silent.delete(client)
  }

  /** A line for each process that fell silent or is stuck, and for each group whose commands wait for a process. */
  faults(): string[] {
    return [...this.#silences(), ...this.#standstills(), ...this.#shortages()]
  }

  #standstills(): string[] {
    return [...this.#stuck].map(([{ group, client }, { command, since }]) => {
      const past = command === undefined ? 'longer than any of its commands may' : `past the time limit of ${command}`
      return `a process of the group ${group} (${client}) is stuck: it has computed for ${seconds(Date.now() - since)} s ${past}`
    })
  }

  #silences(): string[] {
    const now = Date.now()
    for (const [client, { since }] of this.#silent) if (now - since > SILENCE_TOLD) this.#silent.delete(client)
    return [...this.#silent].map(([client, { group, since }]) => {
      return `a process of the group ${group} (${client}) does not answer, since ${seconds(now - since)} s`
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
      return group.untaken().flatMap(({ command, at }) => {
        const waitedMs = now - Math.max(at, this.#openedAt)
        if (waitedMs < this.#graceMs) return []
        return [`no process of the group ${name} takes ${command}: the oldest has waited for ${seconds(waitedMs)} s`]
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
