import { EXPIRY_TOLERANCE, type Command, type DeviceSession } from '../seam/session.ts'
import type { Revocations } from './revocations.ts'

// Much happens in a user's name later than they asked for it. This decides, at that time, whether it still may:
//
//                                            user banned   token revoked   token expired   acl narrowed   client kicked
//   a will, delayed or not                   dropped       dropped         dropped         dropped        dropped
//   a command in the queue, at each attempt  forbidden     forbidden       runs            runs           runs
//   a dead letter that is replayed           forbidden     forbidden       runs            runs           runs
//   a session without a connection           ended         ended           kept            kept           ended
//   `later`, and presence (the broker's own) runs          runs            runs            runs           runs
//
// A command was accepted with a token that was valid then, so the token's expiry does not affect it. A ban or a revocation says that
// its author should not have been let in. An attempt that a handler has begun is not interrupted. Handlers keep their state current
// with `later` and presence (a call that has rung long enough, a seat that is free again); without them others would wait. A kept
// session receives what the acl of the token that resumes it allows (authority.ts); a will is judged by the acl of the session's last
// token. A will still acts for a moment after its token expires (EXPIRY_TOLERANCE), so that the expiry itself can set it off.

export interface StandingPorts {
  revocations: Pick<Revocations, 'holds'>
  /** The clock by which tokens expire. */
  clock: { now(): number }
  devices: { has(session: DeviceSession): boolean; isCut(session: DeviceSession): boolean }
}

export type Standing = ReturnType<typeof openStanding>

export function openStanding({ revocations, clock, devices }: StandingPorts) {
  return {
    /** True when this session may still publish: a connected one until it is cut off, one that has gone for its will. */
    mayAct(session: DeviceSession): boolean {
      if (devices.isCut(session)) return false
      if (devices.has(session)) return true
      const { token } = session
      return !revocations.holds(token) && clock.now() < token.expiresAt + EXPIRY_TOLERANCE * 1000
    },

    /** True when this command, accepted earlier, may still run. */
    mayRun: (command: Command): boolean => command.internal === true || !revocations.holds(command),
  }
}
