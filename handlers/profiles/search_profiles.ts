import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { askedIn } from './name-terms.ts'
import { profileBook } from './profile-book.ts'
import { profile_results } from './profile-fields.ts'

/** The distance of the match and the user id, as in `NameFound.place`. */
const CURSOR = /^[01] [!-~]+$/

/** Finds users by the beginnings of the words of their names, in any order. One typing error per word is forgiven. */
export default command({
  input: z.object({
    q: z
      .string()
      .max(80, { abort: true })
      .refine((text) => askedIn(text).length > 0, 'has no letters or digits to search for'),
    cursor: z.string().max(600).regex(CURSOR, 'is not a valid cursor').optional(),
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
