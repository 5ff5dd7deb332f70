import { z } from 'zod'
import { event, later, userId } from '../../shared/runtime/command.ts'
import { SIGNAL_TYPES } from './signal-body.ts'

export const signalType = z.enum(SIGNAL_TYPES)
/** The caller chooses it; both users name the call by it. */
export const callId = z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be 1 to 64 letters, digits and . _ : -')
export const conferenceId = z.string().regex(/^[A-Za-z0-9_-]{22}$/, 'is not a conference id')
/** The signal's body, as its sender gave it. */
export const body = z.unknown().optional()

export const CALL_STATES = ['ringing', 'answered', 'declined', 'busy', 'cancelled', 'missed', 'ended'] as const
export const callState = z.enum(CALL_STATES)

/** At most one signal to one user per 100 ms, whoever sends. */
const PACE = { everyMs: 100 }

/** To every device of the target, or of the participants. */
export const signal = event(
  'signal',
  {
    origin: userId,
    type: signalType,
    body,
    call_id: callId.optional(),
    conference_id: conferenceId.optional(),
    /** When both offer at the same time, the receiver gives way [perfect negotiation, W3C WebRTC 10.7]. */
    polite: z.boolean(),
  },
  PACE,
)
export const signal_relayed = event('signal_relayed', {
  target: userId.optional(),
  type: signalType,
  call_id: callId.optional(),
  conference_id: conferenceId.optional(),
  /** Whether the caller gives way; only with a single target. */
  polite: z.boolean().optional(),
})

const call = {
  call_id: callId,
  with: userId,
  direction: z.enum(['in', 'out']),
  state: callState,
  /** The receiver's own client that answered. */
  client_id: z.string().optional(),
}
/** To every device of both users, when a call's state changes: when one device answers, the others stop ringing. */
export const call_changed = event('call_changed', call, { wakes: ['call_id', 'with', 'direction', 'state'] })
/** A call has rung for RING_TIMEOUT. */
export const ring_timed_out = later('ring_timed_out', { call: z.string() })

const time = z.iso.datetime()
export const call_list = event('call_list', {
  /** Newest first. */
  calls: z.array(
    z.strictObject({ ...call, started_at: time, answered_at: time.optional(), ended_at: time.optional() }),
  ),
  cursor: z.string().optional(),
})

/** Whether `user` gives way when both offer at once: for two users it is always the same one. */
export function isPolite(user: string, other: string): boolean {
  return user < other
}
