import { z } from 'zod'
import { command, userId } from '../../shared/runtime/command.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { refuseSelf } from '../shared/refuse-self.ts'
import { callBook, callOf, hasShown } from './call-book.ts'
import { checkBody, withoutPrivate } from './signal-body.ts'
import * as events from './signal-events.ts'

const { body, call_changed, callId, isPolite, ring_timed_out, signal, signal_relayed, signalType } = events

/** Relays a signal to another user, unread. With a `call_id` it also moves that call on: ringing, answered, ended. */
export default command({
  input: z.object({ target: userId, type: signalType, body, call_id: callId.optional() }),
  events: { signal_relayed, signal, call_changed },
  uses: { calls: callBook },
  seesClients: true,
  later: { ring_timed_out },

  async run({ target, type, body: given, call_id }, { from, calls, command }) {
    const { user } = from
    refuseSelf({ target }, user)
    checkBody(type, given, calls.maxDescription)
    const { isBlocked, isInvisible } = await calls.approach(user, target)
    const step = call_id === undefined ? undefined : await calls.step(from, target, call_id, type, isBlocked, command)
    const hearing = isBlocked || step?.isMove ? [user] : [user, target]
    const changes = step?.became
      ? hearing.map((one) => [one, call_changed({ ...callOf(one, step.call), state: step.became! })] as const)
      : []
    const later = step?.became === 'ringing' ? [[calls.ringMs, ring_timed_out({ call: step.call._id })] as const] : []
    const passed = calls.hidesPrivate ? withoutPrivate(type, given) : { body: given }
    const isHidden = isBlocked || (isInvisible && !(step && hasShown(target, step.call)))
    // A blocked caller gets the same answer as when the broker finds the target offline.
    if (isHidden && passed) {
      return { refusal: refuse('offline'), notify: changes, later: later.map(([, command]) => [0, command] as const) }
    }
    const told = passed && signal({ origin: user, type, ...passed, call_id, polite: isPolite(target, user) })
    return {
      reply: signal_relayed({ target, type, call_id, polite: isPolite(user, target) }),
      notify: [...(told ? [[target, told] as const] : []), ...changes],
      later,
    }
  },
})
