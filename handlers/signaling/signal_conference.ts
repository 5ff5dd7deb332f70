import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { conferenceBook } from './conference-book.ts'
import { checkBody, withoutPrivate } from './signal-body.ts'
import { body, conferenceId, isPolite, signal, signal_relayed, signalType } from './signal-events.ts'

/** Passes a signal on to one participant of a conference, or to all others, unread. */
export default command({
  input: z.object({ conference_id: conferenceId, target: userId.optional(), type: signalType, body }),
  events: { signal_relayed, signal },
  uses: { conferences: conferenceBook },

  async run({ conference_id, target, type, body: given }, { from: { user }, conferences }) {
    if (target === user) throw refuse('bad_payload', { target: 'is yourself' })
    checkBody(type, given)
    const { participants } = await conferences.inside(user, conference_id)
    const others = participants.map((one) => one.user).filter((one) => one !== user)
    const targets = target === undefined ? others : others.filter((one) => one === target)
    if (target !== undefined && targets.length === 0) throw refuse('not_found', { target: 'is no participant' })
    const passed = conferences.hidesPrivate ? withoutPrivate(type, given) : { body: given }
    const told = passed ? targets : []
    return {
      reply: signal_relayed({ conference_id, target, type }),
      notify: told.map(
        (one) => [one, signal({ origin: user, type, ...passed, conference_id, polite: isPolite(one, user) })] as const,
      ),
    }
  },
})
