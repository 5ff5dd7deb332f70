import { command } from '../../shared/runtime/command.ts'
import { pushDesk } from './push-desk.ts'
import { push_again, pushWanted } from './push-events.ts'

/** Tells the user's browsers of an event that none of their devices has heard. */
export default command({
  input: pushWanted,
  events: {},
  uses: { desk: pushDesk },
  internal: 'push',
  needs: 'VAPID_PUBLIC_KEY',
  ordered: false,
  later: { push_again },

  async run(wanted, { from, desk, log }) {
    const rest = await desk.tell(from.user, wanted, { log })
    return rest ? { later: [[rest.afterMs, push_again({ ...wanted, tries: 1, to: rest.to })]] } : {}
  },
})
