import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { refuseSelf } from '../shared/refuse-self.ts'
import { conferenceBook } from './conference-book.ts'
import { participant_hidden } from './conference-events.ts'
import { checkBody, withoutPrivate } from './signal-body.ts'
import { body, conferenceId, isPolite, signal, signal_relayed, signalType } from './signal-events.ts'
import { RESUME_MS } from './conference-state.ts'

/** Relays a signal to one participant of a conference, or to all others, unread. */
export default command({
  input: z.object({ conference_id: conferenceId, target: userId.optional(), type: signalType, body }),
  events: { signal_relayed, signal },
  uses: { conferences: conferenceBook },
  later: { participant_hidden },

  async run({ conference_id, target, type, body: given }, { from: { user }, conferences, command }) {
    refuseSelf({ target }, user)
    checkBody(type, given, conferences.maxDescription)
    const { isForSomebody, hearing, hides } = await conferences.audience(user, conference_id, target, command)
    if (target !== undefined && !isForSomebody) throw refuse('not_found', { target: 'is not a participant' })
    const passed = conferences.hidesPrivate ? withoutPrivate(type, given) : { body: given }
    const later = hides ? [[RESUME_MS, participant_hidden({ conference_id, since: command.id })] as const] : []
    // The same answer as when the broker finds everyone offline.
    if (passed && isForSomebody && hearing.length === 0) return { refusal: refuse('offline'), later }
    const tell = (polite: boolean) => {
      const to = hearing.filter((one) => isPolite(one, user) === polite)
      return passed && to.length > 0
        ? [[to, signal({ origin: user, type, ...passed, conference_id, polite })] as const]
        : []
    }
    return { reply: signal_relayed({ conference_id, target, type }), notify: [...tell(true), ...tell(false)], later }
  },
})
