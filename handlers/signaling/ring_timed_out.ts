import { command } from '../../shared/runtime/command.ts'
import { callBook, callOf } from './call-book.ts'
import { call_changed, ring_timed_out } from './signal-events.ts'

/** A call has rung for RING_TIMEOUT: if nobody has answered, it is missed. */
export default command({
  input: ring_timed_out.input,
  events: { call_changed },
  uses: { calls: callBook },
  internal: 'later',

  async run({ call }, { calls, command }) {
    const missed = await calls.miss(call, command)
    if (!missed) return {}
    const { caller, called } = missed
    const both = called ? [caller, called] : [caller]
    return { notify: both.map((one) => [one, call_changed(callOf(one, missed))] as const) }
  },
})
