import { pairKey, relationBook } from '../shared/contact-pairs.ts'
import { PRESENCE, type PresenceRecord } from '../shared/presence-state.ts'
import type { CommandRef, HandlerSettings } from '../../shared/runtime/command.ts'
import type { CollectionSpec, Document, Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { MAX_BEGUN } from '../../shared/wire/stamp.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { maxDescription, type SignalType } from './signal-body.ts'
import type { CALL_STATES } from './signal-events.ts'

export type CallState = (typeof CALL_STATES)[number]

export interface CallDocument extends Document {
  readonly call_id: string
  readonly caller: UserId
  readonly callee: UserId
  /** The callee, unless they block the caller: then they never hear of the call. For the index. */
  readonly called?: UserId
  readonly state: CallState
  /** The caller, while the call rings. For the index. */
  readonly ringing_for?: UserId | undefined
  readonly started_at: string
  readonly answered_at?: string
  readonly ended_at?: string
  /** The client of the callee that answered. */
  readonly answered_on?: string
  /** The last commands that changed the call, by whom and to which state, to recognise a redelivered command. */
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
  /** The new state, if the signal changed it. */
  readonly became?: CallState | undefined
  /** The call only moved to another of the callee's clients. */
  readonly isMove?: boolean
}

// The state that each side's signal leads to; `=` keeps the state. What has no cell is refused.
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
    offer:     { ringing: 'answered',  answered: '='     }, // both have called: the polite side answers
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

/** The most calls by one user that ring at a time. */
const MAX_RINGING = 32

/** Stores who called whom, and the state of each call. */
export function callBook(store: Store, settings: HandlerSettings) {
  const calls = store.collection<CallDocument>(CALLS)
  const states = store.collection<PresenceRecord>(PRESENCE)
  const relations = relationBook(store, settings)

  /** The calls of one side, newest first, after a place. */
  function page(
    by: 'caller' | 'called',
    user: UserId,
    after: { _id: string; started_at: string } | undefined,
    limit: number,
  ) {
    return calls.find({ by: `by_${by}`, where: { [by]: user }, ...(after && { after }), limit, reverse: true })
  }

  const countRinging = (user: UserId): Promise<number> =>
    calls.count({ by: 'by_ringing', where: { ringing_for: user }, limit: MAX_RINGING })

  return {
    hidesPrivate: settings.hidesPrivate,
    maxDescription: maxDescription(settings),
    ringMs: settings.ringMs,

    /** Checks that `user` may call `other`. An invisible user can be reached only within a call. @throws {Refusal} `forbidden` */
    async approach(user: UserId, other: UserId): Promise<{ isBlocked: boolean; isInvisible: boolean }> {
      const { closed, isBlocked } = await relations.toward(user, other)
      if (closed !== undefined) throw refuse('forbidden', { target: closed })
      return { isBlocked, isInvisible: (await states.get(other))?.status === 'invisible' }
    },

    /** Applies a signal to its call; an offer with a new id begins a call. @throws {Refusal} `conflict` when the call does not take the signal */
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
      if (type === 'offer' && !(await calls.get(_id)) && (await countRinging(from.user)) >= MAX_RINGING) {
        throw refuse('conflict', { call_id: `${MAX_RINGING} of your calls are ringing: end one first` })
      }
      const after = await calls.change(_id, (now) => {
        if (now?.recent.some(({ id }) => id === command.id)) return now
        if (!now && type === 'offer') return begin()
        const side = now?.caller === from.user ? 'caller' : 'callee'
        const state = now && stateFor(from.user, now, command)
        const next = state && (side === 'caller' || now.called) ? STEPS[side][type]?.[state] : undefined
        const isOther =
          side === 'callee' && type === 'answer' && state === 'answered' && now?.answered_on !== from.client
        // When the client that answered has gone, another client of the callee may continue the call.
        const isElsewhere = isOther && now?.answered_on !== undefined && from.clients.has(now.answered_on)
        const isLate = next !== '=' && state !== now?.state
        if (!now || !next || isElsewhere || isLate) {
          throw refuse('conflict', {
            call_id: now
              ? `is ${now.state}${isElsewhere ? ' on another device' : ''}`
              : 'is not a call between you two',
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

    /** Marks a call as missed if it still rings. Resolves with it, also on redelivery; undefined when it was not missed by this command. */
    async miss(_id: string, command: CommandRef): Promise<CallDocument | undefined> {
      const after = await calls.change(_id, (now) => {
        if (now?.state !== 'ringing') return now
        const recent = remember(now, turn(now.caller, command, 'missed'))
        return { ...now, state: 'missed', ringing_for: undefined, ended_at: command.at.toISOString(), recent }
      })
      return after?.recent.some(({ id }) => id === command.id) ? after : undefined
    },

    /** A page of a user's calls, newest first, after `cursor`. */
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

/** Keeps the last changes of a call: more than both users can have begun when a process dies. */
function remember({ recent }: CallDocument, now: Turn): Turn[] {
  return [...recent, now].slice(-2 * MAX_BEGUN - 1)
}

function turn(by: UserId, { id, order }: CommandRef, state: CallState): Turn {
  return { id, order, by, state }
}

/** The call's state when this command first ran: a redelivered one may come after later commands of the user. */
function stateFor(user: UserId, { state, recent }: CallDocument, { order }: CommandRef): CallState {
  const overtaken = recent.findIndex((one) => one.by === user && one.order > order)
  return overtaken > 0 ? recent[overtaken - 1]!.state : state
}

/** Has this user revealed to the other that they are online, by calling or answering? */
export function hasShown(user: UserId, { caller, answered_at }: CallDocument): boolean {
  return caller === user || answered_at !== undefined
}

/** A call from one user's side. */
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
