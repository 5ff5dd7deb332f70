import { CALLS } from '../../../handlers/signaling/call-book.ts'
import { pairKey, PAIRS } from '../../../handlers/shared/contact-pairs.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Done } from '../../../shared/wire/done.ts'
import { pair } from './documents.ts'
import { answerOf, by, times, type Ask, type Pile, type Place } from './pile.ts'

// The calls and conferences of one user.

const SDP = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n'
const offer = (target: UserId, call_id: string): object => ({ target, type: 'offer', body: SDP, call_id })
const STATES = ['missed', 'ended', 'declined'] as const

/** A call is begun, cancelled and missed; one at a time rings beside those of the pile. */
function calling(me: UserId, you: UserId): Record<string, Ask> {
  const cancel = (call_id: string): object => ({ target: you, type: 'cancel', call_id })
  return {
    'signal, offer': (i) => {
      const first = i > 0 ? [[me, 'signal', cancel(`new-${i - 1}`)] as const] : []
      return { user: me, input: offer(you, `new-${i}`), first }
    },
    'signal, cancel': (i) => ({
      user: me,
      input: cancel(`gone-${i}`),
      first: [[me, 'signal', offer(you, `gone-${i}`)]],
    }),
    ring_timed_out: (i) => {
      const first = [[me, 'signal', offer(you, `missed-${i}`)]] as const
      return { user: me, input: { call: `${pairKey(me, you)} missed-${i}` }, first }
    },
    get_call_list: by(me),
  }
}

interface Made {
  readonly conference_id: string
  readonly token: string
}

/** Makes a conference. */
async function make({ play }: Pick<Place, 'play'>, user: UserId, title = 'of the bench'): Promise<Made> {
  return madeBy(await play(user, 'create_conference', { title }))
}

function madeBy(end: Done): Made {
  const { conference_id, token } = answerOf(end)
  return { conference_id: String(conference_id), token: String(token) }
}

/** Each command that `me` sends about a conference of `you`, each time another conference. */
function conferring(place: Place, you: UserId, fill: (made: Made) => Promise<unknown>): Record<string, Ask> {
  const { me, play } = place
  let last: Made | undefined
  const inNew = (user: UserId, isIn: boolean, input: (made: Made) => object): Ask => {
    return async () => {
      if (last) await play(you, 'end_conference', named(last)).catch(() => {}) // it may have ended
      const made = (last = await make(place, you))
      if (isIn) await play(me, 'join_conference', made)
      await fill(made)
      return { user, input: input(made) }
    }
  }
  const named = ({ conference_id }: Made): object => ({ conference_id })
  return {
    join_conference: inNew(me, false, (made) => made),
    invite_to_conference: inNew(me, true, (made) => ({ ...named(made), invite: [you] })),
    signal_conference: inNew(me, true, (made) => ({ ...named(made), type: 'bye' })),
    send_conference_message: inNew(me, true, (made) => ({ ...named(made), body: 'hello' })),
    leave_conference: inNew(me, true, named),
    end_conference: inNew(you, true, named),
    participant_expired: inNew(me, true, (made) => ({ ...named(made), since: 'none' })),
    participant_hidden: inNew(me, true, (made) => ({ ...named(made), since: 'none' })),
    participant_presence: by(me, (i) => ({ online: i % 2 === 1 })),
  }
}

export const CALL_PILES: readonly Pile[] = [
  {
    what: 'ended calls',
    async fill({ me, other, size, insert }) {
      const you = other(0)
      await insert(PAIRS, [pair(me, 'contact', you)])
      const call = (i: number) => {
        const [caller, callee] = i % 2 ? [me, you] : [you, me]
        const at = { caller, callee, called: callee, state: STATES[i % 3]!, recent: [] }
        const started_at = new Date(1_700_000_000_000 + i).toISOString()
        return { _id: `${pairKey(me, you)} old-${i}`, call_id: `old-${i}`, ...at, started_at }
      }
      await insert(CALLS, times(size, call))
      return calling(me, you)
    },
  },
  {
    what: 'ringing calls',
    most: 28,
    async fill({ me, other, size, insert, play }) {
      const you = other(0)
      await insert(PAIRS, [pair(me, 'contact', you)])
      for (let i = 0; i < size; i++) await play(me, 'signal', offer(you, `rings-${i}`))
      return calling(me, you)
    },
  },
  {
    what: 'conferences that the user is in',
    most: 28,
    async fill(place) {
      const { me, other, stranger, size, insert, play } = place
      const you = other(0)
      await insert(PAIRS, [pair(me, 'contact', you)])
      for (let i = 0; i < size; i++) await play(me, 'join_conference', await make(place, stranger(i)))
      const made: string[] = []
      const create: Ask = async () => {
        for (const conference_id of made.splice(0)) await play(me, 'leave_conference', { conference_id })
        return { user: me, input: {}, ended: (end) => void made.push(madeBy(end).conference_id) }
      }
      return { create_conference: create, ...conferring(place, you, async () => {}) }
    },
  },
  {
    what: 'participants of a conference',
    most: 6,
    async fill(place) {
      const { me, other, stranger, size, insert, play } = place
      const you = other(0)
      await insert(PAIRS, [pair(me, 'contact', you)])
      const others = times(size, stranger)
      return conferring(place, you, async (made) => {
        for (const one of others) await play(one, 'join_conference', made)
      })
    },
  },
]
