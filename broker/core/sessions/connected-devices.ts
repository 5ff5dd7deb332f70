import type { UserId } from '../../../shared/wire/user-id.ts'
import { NOT_AUTHORIZED } from '../../seam/reasons.ts'
import type { DeviceSession, Token } from '../../seam/session.ts'
import { callAt } from '../../../shared/timer.ts'

/** `session_expiring` goes out so many milliseconds before a session ends. */
const NOTICE = 60_000
/** Milliseconds that a client has to subscribe before `session_expiring`, when its token ends within NOTICE. */
const GRACE = 1_000

/** A device's session, connected or not. */
export interface StoredSession {
  user: UserId
  client: string
  /** The id of its last token. */
  jti: string | undefined
}

export interface DevicePorts {
  /** The clock by which tokens expire. */
  clock: { now(): number }
  /** Ends a session's connection; `forGood`: also what it keeps. */
  end(session: DeviceSession, reasonCode: number, forGood?: boolean): void
  /** Ends matching sessions without a connection. Returns how many there were. */
  drop(isMeant: (session: StoredSession) => boolean, user?: UserId): number
  /** Called when a session has a new token. */
  renewed(session: DeviceSession): void
  /** Called a minute before a session ends for want of a new token. */
  expiring(session: DeviceSession): void
}

/** The connected devices. Each may stay connected until its token expires. */
export class ConnectedDevices {
  readonly #ports: DevicePorts
  /** Sessions, each with the function that stops its timers. */
  readonly #byUser = new Map<UserId, Map<DeviceSession, () => void>>()
  readonly #cut = new WeakSet<DeviceSession>()

  constructor(ports: DevicePorts) {
    this.#ports = ports
  }

  began(session: DeviceSession): void {
    const own = this.#byUser.get(session.user) ?? new Map<DeviceSession, () => void>()
    this.#byUser.set(session.user, own)
    own.set(session, this.#clocks(session))
  }

  gone(session: DeviceSession): void {
    const own = this.#byUser.get(session.user)
    own?.get(session)?.()
    own?.delete(session)
    if (own?.size === 0) this.#byUser.delete(session.user)
  }

  countOf(user: UserId): number {
    return this.#byUser.get(user)?.size ?? 0
  }

  clientsOf(user: UserId): string[] {
    return this.sessionsOf(user).map(({ client }) => client)
  }

  sessionsOf(user: UserId): DeviceSession[] {
    return [...(this.#byUser.get(user)?.keys() ?? [])]
  }

  /** A session continues with a new token of the same user. */
  renew(session: DeviceSession, token: Token): void {
    session.token = token
    this.#ports.renewed(session)
    const own = this.#byUser.get(session.user)
    if (!own?.has(session)) return
    own.get(session)!()
    own.set(session, this.#clocks(session))
  }

  has(session: DeviceSession): boolean {
    return this.#byUser.get(session.user)?.has(session) ?? false
  }

  /**
   * Ends matching sessions, connected or not, and drops what waits for them and their wills.
   * @returns how many there were
   */
  banish(isMeant: (session: StoredSession) => boolean, reasonCode: number, user?: UserId): number {
    const isMeantLive = ({ user, client, token: { jti } }: DeviceSession): boolean => isMeant({ user, client, jti })
    return this.cut(isMeantLive, reasonCode, { user, forGood: true }) + this.#ports.drop(isMeant, user)
  }

  /**
   * Disconnects matching sessions; ignores what they still send, wills included. `forGood`: also ends what they keep.
   * @returns how many there were
   */
  cut(
    isMeant: (session: DeviceSession) => boolean,
    reasonCode: number,
    { user, forGood }: { user?: UserId | undefined; forGood?: boolean } = {},
  ): number {
    const among = user === undefined ? [...this.#byUser.values()] : [this.#byUser.get(user) ?? new Map<never, never>()]
    const meant = among.flatMap((own) => [...own.keys()]).filter(isMeant)
    for (const session of meant) {
      this.#cut.add(session)
      this.#ports.end(session, reasonCode, forGood)
    }
    return meant.length
  }

  isCut(session: DeviceSession): boolean {
    return this.#cut.has(session)
  }

  #clocks(session: DeviceSession): () => void {
    const now = Date.now()
    const endsAt = now + (session.token.expiresAt - this.#ports.clock.now())
    const notice = callAt(Math.max(endsAt - NOTICE, now + GRACE), () => this.#ports.expiring(session))
    const end = callAt(endsAt, () => this.#ports.end(session, NOT_AUTHORIZED))
    return () => {
      notice()
      end()
    }
  }
}
