import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { askedIn } from './name-terms.ts'
import { profileBook } from './profile-book.ts'
import { profile_results } from './profile-fields.ts'

/** How far from what was asked, and whose name it is. */
const CURSOR = /^[01] [!-~]+$/

/** Finds users by their names: by the beginnings of words, in any order, a typing error in a word forgiven. */
export default command({
  input: z.object({
    q: z
      .string()
      .max(80, { abort: true })
      .refine((text) => askedIn(text).length > 0, 'has no letters or digits to search for'),
    cursor: z.string().max(600).regex(CURSOR, 'is no cursor').optional(),
    limit: z.int().min(1).max(50).default(20),
  }),
  events: { profile_results },
  uses: { profiles: profileBook },
  replyTo: 'client',
  ordered: false,

  async run({ q, cursor, limit }, { profiles }) {
    return { reply: profile_results(await profiles.search(q, cursor, limit)) }
  },
})
