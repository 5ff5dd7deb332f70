import { EXPIRY_TOLERANCE, type Command, type DeviceSession } from '../seam/session.ts'
import type { Revocations } from './revocations.ts'

// Much acts later in a user's name than they asked for it. Whether it still may is decided here, when it acts:
//
//                                            user banned   token revoked   token expired   acl narrowed   client kicked
//   a will, delayed or not                   dropped       dropped         dropped         dropped        dropped
//   a command in the queue, at each attempt  forbidden     forbidden       runs            runs           runs
//   a dead letter that is replayed           forbidden     forbidden       runs            runs           runs
//   a session without a connection           ended         ended           kept            kept           ended
//   `later`, and presence (the broker's own) runs          runs            runs            runs           runs
//
// A command was let in by a token that was good then, so an end that was foreseen takes nothing from it; a ban or a revocation says
// that its author should not have been there. What a handler has begun ends. `later` and presence are how handlers keep their books
// (a call that has rung long enough, a seat that is free again): others would be left waiting. A kept session gets what the acl of
// the token that comes back lets it hear (authority.ts), and a will acts by the acl of the session's last token. What an expired
// token leaves is a moment: a will that its own end sets off still acts.

export interface StandingPorts {
  revocations: Pick<Revocations, 'holds'>
  /** The time by which tokens end. */
  clock: { now(): number }
  devices: { has(session: DeviceSession): boolean; isCut(session: DeviceSession): boolean }
}

export type Standing = ReturnType<typeof openStanding>

export function openStanding({ revocations, clock, devices }: StandingPorts) {
  return {
    /** May this session still publish? One that is connected is cut when it may not; one that has gone has its will. */
    mayAct(session: DeviceSession): boolean {
      if (devices.isCut(session)) return false
      if (devices.has(session)) return true
      const { token } = session
      return !revocations.holds(token) && clock.now() < token.expiresAt + EXPIRY_TOLERANCE * 1000
    },

    /** May this command, which was accepted before, still run? */
    mayRun: (command: Command): boolean => command.internal === true || !revocations.holds(command),
  }
}
