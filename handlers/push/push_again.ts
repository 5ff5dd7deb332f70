import { command } from '../../shared/runtime/command.ts'
import { pushDesk } from './push-desk.ts'
import { push_again } from './push-events.ts'

/** Sends a push message again to those browsers whose push service was away or busy. */
export default command({
  input: push_again.input,
  events: {},
  uses: { desk: pushDesk },
  internal: 'later',
  ordered: false,
  later: { push_again },

  async run({ tries, to, ...wanted }, { from, desk, log }) {
    const rest = await desk.tell(from.user, wanted, { log }, tries, to)
    return rest ? { later: [[rest.afterMs, push_again({ ...wanted, tries: tries + 1, to: rest.to })]] } : {}
  },
})
