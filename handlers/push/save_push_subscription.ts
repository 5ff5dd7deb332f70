import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { auth, endpoint, p256dh, push_subscription_saved } from './push-events.ts'
import { subscriptionBook } from './subscription-book.ts'

/** Has the caller told in this browser of what happens while none of their devices is connected (Web Push). */
export default command({
  input: z.object({ endpoint, p256dh, auth }),
  events: { push_subscription_saved },
  uses: { subscriptions: subscriptionBook },
  replyTo: 'client',

  async run(wanted, { from, subscriptions, command }) {
    await subscriptions.save(from.user, wanted, command)
    return { reply: push_subscription_saved({}) }
  },
})
