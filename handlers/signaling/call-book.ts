import type { Cause } from '../../shared/people/messages.ts'
import { pairKey, people } from '../../shared/people/pairs.ts'
import type { HandlerSettings } from '../../shared/runtime/command.ts'
import type { Document, Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { MAX_BEGUN } from '../../shared/wire/stamp.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { SignalType } from './signal-body.ts'
import type { CALL_STATES } from './signal-events.ts'

export type CallState = (typeof CALL_STATES)[number]

export interface CallDocument extends Document {
  readonly call_id: string
  readonly caller: UserId
  readonly callee: UserId
  /** The callee again, unless he blocks the caller: then the call is none of his. */
  readonly called?: UserId
  readonly state: CallState
  readonly started_at: string
  readonly answered_at?: string
  readonly ended_at?: string
  /** The client of the callee that answered. */
  readonly answered_on?: string
  /** The last commands that changed it: to do so once. */
  readonly recent: readonly { readonly id: string; readonly state: CallState }[]
}

/** What a signal did to its call. */
export interface Step {
  readonly call: CallDocument
  /** What it has become, if it has changed. */
  readonly became?: CallState | undefined
}

// What each side may do in which state, and what becomes of the call; `=` leaves it as it is. What is not here is refused.
// prettier-ignore
const STEPS: Record<'caller' | 'callee', Partial<Record<SignalType, Partial<Record<CallState, CallState | '='>>>>> = {
  caller: {
    offer:     { ringing: '=',         answered: '='     },
    answer:    {                       answered: '='     },
    candidate: { ringing: '=',         answered: '='     },
    cancel:    { ringing: 'cancelled'                    },
    bye:       { ringing: 'cancelled', answered: 'ended' },
  },
  callee: {
    ringing:   { ringing: '='                            },
    offer:     {                       answered: '='     },
    answer:    { ringing: 'answered',  answered: '='     },
    candidate: { ringing: '=',         answered: '='     },
    decline:   { ringing: 'declined'                     },
    busy:      { ringing: 'busy'                         },
    bye:       { ringing: 'declined',  answered: 'ended' },
  },
}

/** Who called whom, and what became of it. */
export function callBook(store: Store, settings: HandlerSettings) {
  const calls = store.collection<CallDocument>({
    name: 'calls',
    indexes: {
      by_caller: { fields: ['caller', 'started_at'] },
      by_called: { fields: ['called', 'started_at'] },
    },
  })
  const around = people(store, settings)

  /** The calls of one side, the last one first, behind a place. */
  function page(
    by: 'caller' | 'called',
    user: UserId,
    after: { _id: string; started_at: string } | undefined,
    limit: number,
  ) {
    return calls.find({ by: `by_${by}`, where: { [by]: user }, ...(after && { after }), limit, reverse: true })
  }

  return {
    hidesPrivate: settings.hidesPrivate,
    ringMs: settings.ringMs,

    /** May he call him? @throws {Refusal} `forbidden` */
    async approach(user: UserId, other: UserId): Promise<{ isBlocked: boolean }> {
      const { isNear, blocks, isBlocked } = await around.toward(user, other)
      if (!isNear || blocks) {
        throw refuse('forbidden', { target: blocks ? 'is blocked by you' : 'is none of your contacts' })
      }
      return { isBlocked }
    },

    /** Takes a call one step on; an offer with a new id begins one. @throws {Refusal} `conflict`, when it is none that the call takes */
    async step(
      from: { user: UserId; client: string },
      other: UserId,
      call_id: string,
      type: SignalType,
      isBlocked: boolean,
      cause: Cause,
    ): Promise<Step> {
      const _id = `${pairKey(from.user, other)} ${call_id}`
      const at = cause.at.toISOString()
      const begin = (): CallDocument => ({
        _id,
        call_id,
        caller: from.user,
        callee: other,
        ...(!isBlocked && { called: other }),
        state: 'ringing',
        started_at: at,
        recent: [{ id: cause.id, state: 'ringing' }],
      })
      const after = await calls.change(_id, (now) => {
        if (now?.recent.some(({ id }) => id === cause.id)) return now
        if (!now && type === 'offer') return begin()
        const side = now?.caller === from.user ? 'caller' : 'callee'
        const next = now && (side === 'caller' || now.called) ? STEPS[side][type]?.[now.state] : undefined
        const isElsewhere =
          side === 'callee' && type === 'answer' && now?.state === 'answered' && now.answered_on !== from.client
        if (!now || !next || isElsewhere) {
          throw refuse('conflict', {
            call_id: now && side ? `is ${now.state}${isElsewhere ? ' elsewhere' : ''}` : 'is no call',
          })
        }
        if (next === '=') return now
        const recent = [...now.recent, { id: cause.id, state: next }].slice(-2 * MAX_BEGUN)
        if (next === 'answered') return { ...now, state: next, answered_at: at, answered_on: from.client, recent }
        return { ...now, state: next, ended_at: at, recent }
      })
      return { call: after!, became: after!.recent.find(({ id }) => id === cause.id)?.state }
    },

    /** Nobody has answered in time. */
    async miss(_id: string, cause: Cause): Promise<CallDocument | undefined> {
      const after = await calls.change(_id, (now) => {
        if (now?.state !== 'ringing') return now
        const recent = [...now.recent, { id: cause.id, state: 'missed' as const }]
        return { ...now, state: 'missed', ended_at: cause.at.toISOString(), recent }
      })
      return after?.recent.some(({ id }) => id === cause.id) ? after : undefined
    },

    /** A page of a user's calls, the last one first, behind `cursor`. */
    async history(user: UserId, cursor: string | undefined, limit: number) {
      const [started_at = '', ...id] = (cursor ?? '').split(' ')
      const after = cursor === undefined ? undefined : { _id: id.join(' '), started_at }
      const found = [
        ...(await page('caller', user, after, limit + 1)),
        ...(await page('called', user, after, limit + 1)),
      ]
      const place = ({ started_at: at, _id }: CallDocument): string => `${at} ${_id}`
      const list = found.toSorted((a, b) => (place(a) > place(b) ? -1 : 1)).slice(0, limit)
      return { list, cursor: found.length > limit ? place(list.at(-1)!) : undefined }
    },
  }
}

/** A call as one of the two has it. */
export function callOf(user: UserId, { call_id, caller, callee, state, answered_on }: CallDocument) {
  const isOut = user === caller
  return {
    call_id,
    with: isOut ? callee : caller,
    direction: isOut ? ('out' as const) : ('in' as const),
    state,
    ...(!isOut && answered_on !== undefined && { client_id: answered_on }),
  }
}
