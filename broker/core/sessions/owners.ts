import type { Fullness } from '../../metrics/fullness.ts'
import type { Subscription } from '../../seam/subscription.ts'
import { Levels } from '../kept/levels.ts'

/** What is counted of a session. */
export interface Owned {
  readonly id: string
  readonly owner: string
  /** Bytes that it counts as. */
  size: number
  /** When its connection ended, in milliseconds since 1970; undefined while it is connected. */
  since: number | undefined
}

/** The sessions of one user. */
interface Owner<Session> {
  readonly sessions: Set<Session>
  bytes: number
  /** Of them, those of sessions without a connection. */
  away: number
  level: number
}

/** Heap bytes of a session and of a subscription, besides their texts; of a QoS 2 message id that its client has not released. */
const [PER_SESSION, PER_SUBSCRIPTION, PER_MESSAGE_ID] = [2_400, 600, 64]
/** One user may have 1/SHARE of what all users may have. */
const SHARE = 10

/**
 * The sessions of each user, and what they take together. Beyond the bound the user with the most in sessions without a connection loses
 * the oldest of these.
 */
export class Owners<Session extends Owned> {
  readonly #limit: number
  readonly #end: (session: Session) => void
  readonly #owners = new Map<string, Owner<Session>>()
  /** By what their sessions without a connection take. */
  readonly #away = new Levels<Owner<Session>>()
  #bytes = 0

  /**
   * @param limit bytes of all sessions
   * @param end ends a session, which removes it here
   */
  constructor(limit: number, end: (session: Session) => void) {
    this.#limit = limit
    this.#end = end
  }

  of(user: string): ReadonlySet<Session> {
    return this.#owners.get(user)?.sessions ?? NONE
  }

  add(session: Session): void {
    let owner = this.#owners.get(session.owner)
    if (!owner) this.#owners.set(session.owner, (owner = { sessions: new Set(), bytes: 0, away: 0, level: 0 }))
    owner.sessions.add(session)
    this.#count(owner, session, sizeOfSession(session.id))
  }

  remove(session: Session): void {
    const owner = this.#owners.get(session.owner)
    if (!owner?.sessions.delete(session)) return
    this.#count(owner, session, -session.size)
    if (owner.sessions.size === 0) this.#owners.delete(session.owner)
  }

  /** A session takes this much more, or less. */
  grew(session: Session, by: number): void {
    const owner = this.#owners.get(session.owner)
    if (owner?.sessions.has(session)) this.#count(owner, session, by)
  }

  /** A session's connection has ended, in milliseconds since 1970; or it has one again. */
  isAway(session: Session, since: number | undefined): void {
    const owner = this.#owners.get(session.owner)
    if (owner?.sessions.has(session) && (session.since === undefined) !== (since === undefined)) {
      owner.away += since === undefined ? -session.size : session.size
      this.#away.settle(owner, owner.away)
    }
    session.since = since
  }

  /** Ends sessions without a connection until this user may have this much more. Returns false when they may not. */
  makeRoom(user: string, more: number, except?: Session): boolean {
    const own = this.#owners.get(user)
    if (own) while (own.bytes + more > this.#limit / SHARE) if (!this.#endOldest(own, except)) return false
    while (this.#bytes + more > this.#limit) {
      const fullest = this.#away.fullest
      if (!fullest || !this.#endOldest(fullest, except)) return false
    }
    return true
  }

  fullness(): Fullness {
    const [holder] = this.#away.fullest?.sessions ?? []
    return {
      kind: 'sessions',
      what: 'sessions and their subscriptions',
      used: this.#bytes,
      limit: this.#limit,
      most: holder?.owner,
      beyond: 'users with the most sessions without a connection lose their oldest; raise MAX_SESSION_BYTES',
    }
  }

  #endOldest({ sessions }: Owner<Session>, except: Session | undefined): boolean {
    let oldest: Session | undefined
    for (const one of sessions) {
      if (one.since === undefined || one === except) continue
      if (!oldest || one.since < oldest.since!) oldest = one
    }
    if (oldest) this.#end(oldest)
    return oldest !== undefined
  }

  #count(owner: Owner<Session>, session: Session, by: number): void {
    session.size += by
    owner.bytes += by
    this.#bytes += by
    if (session.since === undefined) return
    owner.away += by
    this.#away.settle(owner, owner.away)
  }
}

const NONE: ReadonlySet<never> = new Set()

/** What a new session counts as. */
export function sizeOfSession(id: string): number {
  return PER_SESSION + id.length
}

/** What a subscription counts as. */
export function sizeOf({ topic }: Subscription): number {
  return PER_SUBSCRIPTION + 2 * topic.length
}

/** What this many message ids count as that a client has not released. */
export function sizeOfIds(count: number): number {
  return count * PER_MESSAGE_ID
}
