import { z } from 'zod'
import { group_changed, group_updated, title } from '../shared/group-events.ts'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { groupBook, MOST_MEMBERS } from './group-book.ts'
import { effectsOf } from './group-effects.ts'

/** Makes a group that the caller owns, with some of his contacts as its members. */
export default command({
  input: z.object({
    title,
    members: z
      .array(userId)
      .max(MOST_MEMBERS - 1)
      .default([]),
  }),
  events: { group_updated, group_changed },
  uses: { groups: groupBook },
  timeoutMs: 60_000,

  async run({ title, members }, { from: { user }, groups, command }) {
    if (members.includes(user)) throw refuse('bad_payload', { members: 'you are one of them already' })
    return effectsOf(user, await groups.create(user, title, [...new Set(members)], command))
  },
})
