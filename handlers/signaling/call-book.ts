import { pairKey, relationBook } from '../shared/contact-pairs.ts'
import { PRESENCE, type PresenceRecord } from '../shared/presence-state.ts'
import type { CommandRef, HandlerSettings } from '../../shared/runtime/command.ts'
import type { CollectionSpec, Document, Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { MAX_BEGUN } from '../../shared/wire/stamp.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { mostDescription, type SignalType } from './signal-body.ts'
import type { CALL_STATES } from './signal-events.ts'

export type CallState = (typeof CALL_STATES)[number]

export interface CallDocument extends Document {
  readonly call_id: string
  readonly caller: UserId
  readonly callee: UserId
  /** The callee again, unless he blocks the caller: then the call is none of his. */
  readonly called?: UserId
  readonly state: CallState
  /** The caller again, as long as it rings. */
  readonly ringing_for?: UserId | undefined
  readonly started_at: string
  readonly answered_at?: string
  readonly ended_at?: string
  /** The client of the callee that answered. */
  readonly answered_on?: string
  /** The commands that changed it, whose, and what it was from then on: to do so once. */
  readonly recent: readonly Turn[]
}
interface Turn {
  readonly id: string
  readonly order: number
  readonly by: UserId
  readonly state: CallState
}

/** What a signal did to its call. */
export interface Step {
  readonly call: CallDocument
  /** What it has become, if it has changed. */
  readonly became?: CallState | undefined
  /** It has only gone over to another of the callee's clients. */
  readonly isMove?: boolean
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
    offer:     { ringing: 'answered',  answered: '='     }, // both have called: whoever gives way answers
    answer:    { ringing: 'answered',  answered: '='     },
    candidate: { ringing: '=',         answered: '='     },
    decline:   { ringing: 'declined'                     },
    busy:      { ringing: 'busy'                         },
    bye:       { ringing: 'declined',  answered: 'ended' },
  },
}

export const CALLS: CollectionSpec = {
  name: 'calls',
  indexes: {
    by_caller: { fields: ['caller', 'started_at'] },
    by_called: { fields: ['called', 'started_at'] },
    by_ringing: { fields: ['ringing_for'] },
  },
}

/** Calls of one user that ring at a time, at most. */
const MOST_RINGING = 32

/** Who called whom, and what became of it. */
export function callBook(store: Store, settings: HandlerSettings) {
  const calls = store.collection<CallDocument>(CALLS)
  const states = store.collection<PresenceRecord>(PRESENCE)
  const relations = relationBook(store, settings)

  /** The calls of one side, the last one first, behind a place. */
  function page(
    by: 'caller' | 'called',
    user: UserId,
    after: { _id: string; started_at: string } | undefined,
    limit: number,
  ) {
    return calls.find({ by: `by_${by}`, where: { [by]: user }, ...(after && { after }), limit, reverse: true })
  }

  const countRinging = (user: UserId): Promise<number> =>
    calls.count({ by: 'by_ringing', where: { ringing_for: user }, limit: MOST_RINGING })

  return {
    hidesPrivate: settings.hidesPrivate,
    mostDescription: mostDescription(settings),
    ringMs: settings.ringMs,

    /** May he call him? Who is invisible is there for those alone with whom he is in a call. @throws {Refusal} `forbidden` */
    async approach(user: UserId, other: UserId): Promise<{ isBlocked: boolean; isInvisible: boolean }> {
      const { hasAccess, blocks, isBlocked } = await relations.toward(user, other)
      if (!hasAccess || blocks) {
        throw refuse('forbidden', { target: blocks ? 'is blocked by you' : 'is none of your contacts' })
      }
      return { isBlocked, isInvisible: (await states.get(other))?.status === 'invisible' }
    },

    /** Takes a call one step on; an offer with a new id begins one. @throws {Refusal} `conflict`, when it is none that the call takes */
    async step(
      from: { user: UserId; client: string; clients: ReadonlySet<string> },
      other: UserId,
      call_id: string,
      type: SignalType,
      isBlocked: boolean,
      command: CommandRef,
    ): Promise<Step> {
      const _id = `${pairKey(from.user, other)} ${call_id}`
      const at = command.at.toISOString()
      const begin = (): CallDocument => ({
        _id,
        call_id,
        caller: from.user,
        callee: other,
        ...(!isBlocked && { called: other }),
        state: 'ringing',
        ringing_for: from.user,
        started_at: at,
        recent: [turn(from.user, command, 'ringing')],
      })
      if (type === 'offer' && !(await calls.get(_id)) && (await countRinging(from.user)) >= MOST_RINGING) {
        throw refuse('conflict', { call_id: `${MOST_RINGING} calls of yours ring: end one first` })
      }
      const after = await calls.change(_id, (now) => {
        if (now?.recent.some(({ id }) => id === command.id)) return now
        if (!now && type === 'offer') return begin()
        const side = now?.caller === from.user ? 'caller' : 'callee'
        const state = now && stateFor(from.user, now, command)
        const next = state && (side === 'caller' || now.called) ? STEPS[side][type]?.[state] : undefined
        const isOther =
          side === 'callee' && type === 'answer' && state === 'answered' && now?.answered_on !== from.client
        // Once the client that answered is gone, another may go on with the call.
        const isElsewhere = isOther && now?.answered_on !== undefined && from.clients.has(now.answered_on)
        const isLate = next !== '=' && state !== now?.state
        if (!now || !next || isElsewhere || isLate) {
          throw refuse('conflict', {
            call_id: now && side ? `is ${now.state}${isElsewhere ? ' elsewhere' : ''}` : 'is no call',
          })
        }
        if (isOther)
          return { ...now, answered_on: from.client, recent: remember(now, turn(from.user, command, 'answered')) }
        if (next === '=') return now
        const recent = remember(now, turn(from.user, command, next))
        const rung = { ...now, state: next, ringing_for: undefined, recent }
        if (next === 'answered') return { ...rung, answered_at: at, answered_on: from.client }
        return { ...rung, ended_at: at }
      })
      const place = after!.recent.findIndex(({ id }) => id === command.id)
      const [before, done] = place < 0 ? [] : [after!.recent[place - 1], after!.recent[place]]
      return { call: after!, became: done?.state, isMove: done !== undefined && done.state === before?.state }
    },

    /** Nobody has answered in time. */
    async miss(_id: string, command: CommandRef): Promise<CallDocument | undefined> {
      const after = await calls.change(_id, (now) => {
        if (now?.state !== 'ringing') return now
        const recent = remember(now, turn(now.caller, command, 'missed'))
        return { ...now, state: 'missed', ringing_for: undefined, ended_at: command.at.toISOString(), recent }
      })
      return after?.recent.some(({ id }) => id === command.id) ? after : undefined
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

/** The last of what changed a call: more than have begun when a process dies. */
function remember({ recent }: CallDocument, now: Turn): Turn[] {
  return [...recent, now].slice(-2 * MAX_BEGUN - 1)
}

function turn(by: UserId, { id, order }: CommandRef, state: CallState): Turn {
  return { id, order, by, state }
}

/** What a call was when the user's command came: one that a later one of his has overtaken comes again, after a crash. */
function stateFor(user: UserId, { state, recent }: CallDocument, { order }: CommandRef): CallState {
  const overtaken = recent.findIndex((one) => one.by === user && one.order > order)
  return overtaken > 0 ? recent[overtaken - 1]!.state : state
}

/** Has this user shown by what he did that he is there, for the other one of the call? */
export function hasShown(user: UserId, { caller, answered_at }: CallDocument): boolean {
  return caller === user || answered_at !== undefined
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
