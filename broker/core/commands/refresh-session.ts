import { z } from 'zod'
import { refuse } from '../../../shared/wire/refusal.ts'
import { brokerCommand } from './broker-command.ts'

/** Continues the session with a new token of the same user, its expiry and its rights. A token that is refused changes nothing. */
export const refreshSession = brokerCommand({
  input: z.object({ token: z.string() }),
  answer: 'session_refreshed',
  /** Seconds since 1970. */
  output: z.object({ exp: z.number() }),
  async run({ token }, { session, verify, revocations, devices, log }) {
    const renewed = await verify(token)
      .then((believed) => {
        revocations.check(believed)
        return believed
      })
      .catch((err: Error) => {
        log.warn(
          { user: session.user, reason: err.message },
          'refused the token of a refresh_session; the session keeps its old one',
        )
        throw refuse('forbidden', { token: 'is not accepted' })
      })
    if (renewed.user !== session.user) throw refuse('forbidden', { token: 'is of another user' })
    devices.renew(session, renewed)
    return { exp: renewed.expiresAt / 1000 }
  },
})
