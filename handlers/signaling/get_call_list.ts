import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { timeOf } from '../../shared/wire/time.ts'
import { callBook, callOf } from './call-book.ts'
import { call_list } from './signal-events.ts'

/** The call's start, its two users and its id. */
const CURSOR = /^[!-~]+(?: [!-~]+){3}$/

const isCursor = (text: string): boolean => CURSOR.test(text) && timeOf(text.split(' ', 1)[0]) !== undefined

/** Lists the calls that the user made and received, newest first, with missed ones. */
export default command({
  input: z.object({
    cursor: z.string().max(1_200).refine(isCursor, 'is not a valid cursor').optional(),
    limit: z.int().min(1).max(100).default(20),
  }),
  events: { call_list },
  uses: { calls: callBook },
  replyTo: 'client',
  ordered: false,

  async run({ cursor, limit }, { from: { user }, calls }) {
    const page = await calls.history(user, cursor, limit)
    const list = page.list.map((call) => {
      const { started_at, answered_at, ended_at } = call
      return { ...callOf(user, call), started_at, answered_at, ended_at }
    })
    return { reply: call_list({ calls: list, cursor: page.cursor }) }
  },
})
