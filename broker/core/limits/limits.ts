import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import type { Config } from '../../../shared/config.ts'
import { Refusal } from '../../../shared/wire/refusal.ts'
import { FixedWindow } from './fixed-window.ts'
import { Denied, type DeviceSession } from '../../seam/session.ts'

/** Milliseconds over which a user's publishes are counted. */
const PUBLISHES = 10_000
/**
 * Milliseconds for which at least a user is refused: what a client has sent on before it hears of the first refusal is refused too, or it
 * would overtake what the client sends again.
 */
const HEARD_OF = 1_000
/** Seconds for which a user who was disconnected for flooding may not connect, so that they do not flood with CONNECTs. */
const FLOODED = 10
/** Seconds over which a client's connects are counted. */
const CONNECTS = 60

export type Limits = ReturnType<typeof openLimits>

/**
 * Rate limits of users, over all their connections.
 * @param flooded is called for a session that publishes more than twice its user's limit
 */
export function openLimits(config: Config, flooded: (session: DeviceSession) => void) {
  const publishes = new FixedWindow(PUBLISHES)
  const dearest = Math.ceil(config.PUBLISHES_PER_USER / 10)
  const connects = new RateLimiterMemory({
    points: config.CONNECTS_PER_CLIENT,
    duration: CONNECTS,
    blockDuration: config.CONNECT_BAN / 1000,
  })

  const floods = new RateLimiterMemory({ points: 1, duration: FLOODED })

  return {
    /** A session was ended because it flooded. */
    async floods({ user }: DeviceSession): Promise<void> {
      await floods.block(user, FLOODED)
    },

    /**
     * @param cost how many publishes it counts as; at most a tenth of the limit
     * @throws {Refusal} `rate_limited`, with the time after which the user may publish again
     */
    publish(session: DeviceSession, cost = 1): void {
      const by = Math.min(cost, dearest)
      const { count, leftMs } = publishes.add(session.user, by)
      if (count <= config.PUBLISHES_PER_USER) return
      if (count > 2 * config.PUBLISHES_PER_USER) flooded(session)
      const isFirst = count - by <= config.PUBLISHES_PER_USER
      throw new Refusal('rate_limited', { retryAfterMs: isFirst ? publishes.extend(session.user, HEARD_OF) : leftMs })
    },

    /** @throws {Denied} when this client connects too often, or its user has just flooded */
    async connect({ id, user }: DeviceSession): Promise<void> {
      if (await floods.get(user)) throw new Denied('the user has just sent a flood', 'too_often', user)
      await connects.consume(id).catch(({ msBeforeNext }: RateLimiterRes) => {
        throw new Denied(
          `this client connects too often; refused for ${Math.ceil(msBeforeNext / 1000)} s`,
          'too_often',
          user,
        )
      })
    },
  }
}
