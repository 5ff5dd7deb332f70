import { z } from 'zod'
import { group_changed, group_updated, title } from '../shared/group-events.ts'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { groupBook } from './group-book.ts'
import { effectsOf } from './group-effects.ts'
import { MAX_MEMBERS } from './member-rights.ts'

/** Creates a group that the caller owns, with contacts of theirs as members. */
export default command({
  input: z.object({
    title,
    members: z
      .array(userId)
      .max(MAX_MEMBERS - 1)
      .default([]),
  }),
  events: { group_updated, group_changed },
  uses: { groups: groupBook },
  timeoutMs: 60_000,

  async run({ title, members }, { from: { user }, groups, command }) {
    if (members.includes(user)) throw refuse('bad_payload', { members: 'must not hold yourself: you become the owner' })
    return effectsOf(user, await groups.create(user, title, [...new Set(members)], command))
  },
})
