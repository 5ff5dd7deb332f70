import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { receipts_set } from './message-events.ts'
import { receiptBook } from './receipt-book.ts'

/** Sets whether others hear that messages have reached the caller, and how far the caller has read. Both are on by default. */
export default command({
  input: z.object({ delivered: z.boolean().optional(), read: z.boolean().optional() }),
  events: { receipts_set },
  uses: { receipts: receiptBook },

  async run(said, { from, receipts, command }) {
    return { reply: receipts_set(await receipts.setPrivacy(from.user, said, command)) }
  },
})
