import { z } from 'zod'
import { refuse } from '../../../shared/wire/refusal.ts'
import { brokerCommand } from './broker-command.ts'

/** Goes on with a new token of the same user: its end, its rights. One that is not accepted changes nothing. */
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
        log.warn({ user: session.user, reason: err.message }, 'a new token is refused')
        throw refuse('forbidden', { token: 'is not accepted' })
      })
    if (renewed.user !== session.user) throw refuse('forbidden', { token: 'is of another user' })
    devices.renew(session, renewed)
    return { exp: renewed.expiresAt / 1000 }
  },
})
