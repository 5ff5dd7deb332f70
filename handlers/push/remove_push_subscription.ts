import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { endpoint, push_subscription_removed } from './push-events.ts'
import { subscriptionBook } from './subscription-book.ts'

/** Ends what `save_push_subscription` began for this browser: to be sent when the user signs out. */
export default command({
  input: z.object({ endpoint }),
  events: { push_subscription_removed },
  uses: { subscriptions: subscriptionBook },
  replyTo: 'client',

  async run({ endpoint }, { from, subscriptions, command }) {
    await subscriptions.remove(from.user, endpoint, command)
    return { reply: push_subscription_removed({}) }
  },
})
