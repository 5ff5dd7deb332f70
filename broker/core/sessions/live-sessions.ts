import type { UserId } from '../../../shared/wire/user-id.ts'
import { NOT_AUTHORIZED } from '../../seam/reasons.ts'
import type { DeviceSession, Token } from '../../seam/session.ts'
import { callAt } from '../../../shared/timer.ts'

/** Milliseconds before its end at which a session is told of it. */
const NOTICE = 60_000
/** Milliseconds that a client has to subscribe, when its token has less than that left. */
const GRACE = 1_000

/** A device's session, as it is kept while it has no connection. */
export interface Kept {
  user: UserId
  client: string
  /** Of the token that it had last. */
  jti: string | undefined
}

export interface LivePorts {
  /** The time by which tokens end. */
  clock: { now(): number }
  /** Ends a session's connection; `forGood`: and what it keeps. */
  end(session: DeviceSession, reasonCode: number, forGood?: boolean): void
  /** Ends sessions that have no connection. Returns how many there were. */
  drop(isMeant: (kept: Kept) => boolean, user?: UserId): number
  /** A session has another token. */
  renewed(session: DeviceSession): void
  /** A session ends in a minute, unless it gets another token. */
  expiring(session: DeviceSession): void
}

/** The devices that are connected, and how long each may be: as long as its token. */
export class LiveSessions {
  readonly #ports: LivePorts
  /** What stops the clocks of each. */
  readonly #live = new Map<UserId, Map<DeviceSession, () => void>>()
  readonly #cut = new WeakSet<DeviceSession>()

  constructor(ports: LivePorts) {
    this.#ports = ports
  }

  began(session: DeviceSession): void {
    const own = this.#live.get(session.user) ?? new Map<DeviceSession, () => void>()
    this.#live.set(session.user, own)
    own.set(session, this.#clocks(session))
  }

  gone(session: DeviceSession): void {
    const own = this.#live.get(session.user)
    own?.get(session)?.()
    own?.delete(session)
    if (own?.size === 0) this.#live.delete(session.user)
  }

  countOf(user: UserId): number {
    return this.#live.get(user)?.size ?? 0
  }

  clientsOf(user: UserId): string[] {
    return [...(this.#live.get(user)?.keys() ?? [])].map(({ client }) => client)
  }

  /** Its session goes on with another token, of the same user. */
  renew(session: DeviceSession, token: Token): void {
    session.token = token
    this.#ports.renewed(session)
    const own = this.#live.get(session.user)
    if (!own?.has(session)) return
    own.get(session)!()
    own.set(session, this.#clocks(session))
  }

  has(session: DeviceSession): boolean {
    return this.#live.get(session.user)?.has(session) ?? false
  }

  /**
   * Ends sessions, connected or kept, with what waits for them and their wills.
   * @returns how many there were
   */
  banish(isMeant: (session: Kept) => boolean, reasonCode: number, user?: UserId): number {
    const isMeantLive = ({ user, client, token: { jti } }: DeviceSession): boolean => isMeant({ user, client, jti })
    return this.cut(isMeantLive, reasonCode, { user, forGood: true }) + this.#ports.drop(isMeant, user)
  }

  /**
   * Disconnects sessions and ignores what they still send, wills included. `forGood`: and ends what they keep.
   * @returns how many there were
   */
  cut(
    isMeant: (session: DeviceSession) => boolean,
    reasonCode: number,
    { user, forGood }: { user?: UserId | undefined; forGood?: boolean } = {},
  ): number {
    const among = user === undefined ? [...this.#live.values()] : [this.#live.get(user) ?? new Map<never, never>()]
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
