import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { receipts_set } from './message-events.ts'
import { receiptBook } from './receipt-book.ts'

/** Says whether others hear when one's messages have arrived, and how far one has read. Both are told at first. */
export default command({
  input: z.object({ delivered: z.boolean().optional(), read: z.boolean().optional() }),
  events: { receipts_set },
  uses: { receipts: receiptBook },

  async run(said, { from, receipts, command }) {
    return { reply: receipts_set(await receipts.setPrivacy(from.user, said, command)) }
  },
})
