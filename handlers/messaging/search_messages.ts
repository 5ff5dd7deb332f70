import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { wordsOf } from '../../shared/wire/words.ts'
import { messageBook, shown } from './message-book.ts'
import { message_results } from './message-events.ts'

const MAX_WORDS = 16
const query = z
  .string()
  .max(200, { abort: true })
  .refine((text) => wordsOf(text).length > 0, 'has no letters or digits to search for')
  .refine((text) => wordsOf(text).length <= MAX_WORDS, `has more than ${MAX_WORDS} words`)

/** Finds messages that hold all the words, in the caller's conversations and groups, newest first. Ciphertext is not searched. */
export default command({
  input: z.object({
    q: query,
    cursor: z
      .string()
      .max(100)
      .regex(/^[\w-]+$/, 'is not a valid cursor')
      .optional(),
    limit: z.int().min(1).max(50).default(20),
  }),
  events: { message_results },
  uses: { book: messageBook },
  replyTo: 'client',
  ordered: false,

  async run({ q, cursor, limit }, { from: { user }, book }) {
    const found = await book.search(user, q, cursor, limit)
    const messages = found.messages.map((message) => shown(user, message))
    return { reply: message_results({ messages, cursor: found.cursor }) }
  },
})
