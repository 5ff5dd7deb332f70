import { randomBytes } from 'node:crypto'
import { idFrom } from '../shared/message-chain.ts'
import { relationBook } from '../shared/contact-pairs.ts'
import { refuseSelf } from '../shared/refuse-self.ts'
import type { CommandRef, HandlerSettings } from '../../shared/runtime/command.ts'
import type { Document, Store } from '../../shared/store/documents.ts'
import { refuse, type Refusal } from '../../shared/wire/refusal.ts'
import { MAX_BEGUN } from '../../shared/wire/stamp.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { hide, othersFor, seatOf, shadowsFor, withoutShadows, type Shadow } from './shadow-seats.ts'
import { mostDescription } from './signal-body.ts'

/** Everybody is connected to everybody: more than so many is a matter for a server that mixes. */
export const MOST_PARTICIPANTS = 8
/** Conferences that one user is in at a time. */
export const MOST_CONFERENCES = 32
/** Milliseconds in which a participant whose connection is gone may come back. */
export const RESUME_MS = 60_000

export interface Participant {
  readonly user: UserId
  /** Stays his when he comes back. */
  readonly id: string
  /** His connection is gone, since this command. */
  readonly away?: string
  /** Others in it, between whom and him there is a block: to each the other is not in it. */
  readonly unseen?: readonly UserId[]
}

/** What a command has done. */
type What = 'created' | 'joined' | 'resumed' | 'left' | 'ended' | 'away' | 'faded'

export interface ConferenceDocument extends Document {
  readonly title?: string | undefined
  readonly owner: UserId
  /** Whoever has it may join. */
  readonly token: string
  readonly ended: boolean
  readonly participants: readonly Participant[]
  readonly shadows?: readonly Shadow[]
  /** The last commands that changed it, and who was in it then: to tell it again after a crash. */
  readonly recent: readonly Change[]
}
interface Change {
  readonly id: string
  readonly what: What
  readonly among: readonly Participant[]
  /** The shadows that it ended. */
  readonly gone?: readonly Shadow[]
}

/** A conference of a user's, where to look for it; only a hint. */
interface SeatDocument extends Document {
  readonly user: UserId
  readonly conference: string
}

export interface Outcome {
  readonly conference: ConferenceDocument
  /** Undefined: it was so already. */
  readonly what?: What | undefined
  /** Who was in it before a leave or an end, and after anything else. */
  readonly among: readonly Participant[]
  readonly gone?: readonly Shadow[] | undefined
}

const PAGE = 100
const REMEMBERED = MOST_PARTICIPANTS * MAX_BEGUN

/** Who is in which conference. */
export function conferenceBook(store: Store, settings: HandlerSettings) {
  const conferences = store.collection<ConferenceDocument>({ name: 'conferences' })
  const seats = store.collection<SeatDocument>({
    name: 'conference_seats',
    indexes: { by_user: { fields: ['user', 'conference'] } },
  })
  const relations = relationBook(store, settings)

  /** Changes a conference once for each command. @throws {Refusal} `forbidden` when it is none, or over */
  async function change(
    id: string,
    command: CommandRef,
    decide: (
      now: ConferenceDocument,
    ) => [what: What, next: Partial<ConferenceDocument>, gone?: readonly Shadow[]] | undefined,
  ): Promise<Outcome> {
    const after = await conferences.change(id, (now) => {
      if (now?.recent.some((one) => one.id === command.id)) return now
      if (!now || now.ended) throw foreign()
      const decided = decide(now)
      if (!decided) return now
      const [what, next, gone] = decided
      const among = what === 'left' || what === 'ended' ? now.participants : (next.participants ?? now.participants)
      return {
        ...now,
        ...next,
        recent: [...now.recent, { id: command.id, what, among, ...(gone && { gone }) }].slice(-REMEMBERED),
      }
    })
    const done = after!.recent.find((one) => one.id === command.id)
    return { conference: after!, what: done?.what, among: done?.among ?? after!.participants, gone: done?.gone }
  }

  /** Those of these between whom and the user there is a block, of either. */
  async function blockedAmong(user: UserId, others: readonly UserId[]): Promise<UserId[]> {
    const stands = await Promise.all(others.map((other) => relations.between(user, other)))
    return others.filter((_, i) => stands[i] === 'blocked')
  }

  /** Takes a seat down where to look for it. @throws {Refusal} `conflict` when the user has too many */
  async function noteSeat(user: UserId, conference: string): Promise<void> {
    const _id = `${user} ${conference}`
    if (!(await seats.get(_id))) await checkRoom(user)
    await seats.insert({ _id, user, conference })
  }

  /** @throws {Refusal} `conflict`; hints that are left over do not count, and go */
  async function checkRoom(user: UserId): Promise<void> {
    const noted = await seatsOf(user)
    if (noted.length < MOST_CONFERENCES) return
    let taken = 0
    for (const id of noted) {
      const found = await conferences.get(id)
      if (found && !found.ended && seatOf(found, user)) taken++
      else await seats.remove(`${user} ${id}`)
    }
    if (taken < MOST_CONFERENCES) return
    throw refuse('conflict', undefined, `you are in ${MOST_CONFERENCES} conferences: leave one first`)
  }

  /** A conference that the user is in. @throws {Refusal} `forbidden` */
  async function inside(user: UserId, id: string): Promise<ConferenceDocument> {
    const found = await conferences.get(id)
    if (!found || found.ended || !seatOf(found, user)) throw foreign()
    return found
  }

  async function leave(
    user: UserId,
    id: string,
    command: CommandRef,
    isMeant: (seat: Participant) => boolean,
  ): Promise<Outcome> {
    const outcome = await change(id, command, (now) => {
      const seat = seatOf(now, user)
      if (!seat || !isMeant(seat)) return undefined
      const participants = now.participants.filter((one) => one !== seat)
      return ['left', { participants, ended: participants.length === 0 }]
    })
    if (outcome.what === 'left') await seats.remove(`${user} ${id}`)
    return outcome
  }

  async function seatsOf(user: UserId): Promise<string[]> {
    const all: string[] = []
    for (let after = { _id: '', conference: '' }, isMore = true; isMore;) {
      const page = await seats.find({ by: 'by_user', where: { user }, after, limit: PAGE })
      all.push(...page.map(({ conference }) => conference))
      isMore = page.length === PAGE
      if (isMore) after = page.at(-1)!
    }
    return all
  }

  return {
    inside,
    hidesPrivate: settings.hidesPrivate,
    mostDescription: mostDescription(settings),

    /** Who else in it hears the user: those with a block between them do not. @throws {Refusal} `forbidden` */
    async hearing(user: UserId, id: string): Promise<UserId[]> {
      const others = othersFor(user, (await inside(user, id)).participants).map((one) => one.user)
      const blocked = await blockedAmong(user, others)
      return others.filter((one) => !blocked.includes(one))
    },

    /**
     * Whom a signal of the user's is for, all others or the one who is meant, and who of them hears it. Those between whom and him a
     * block was made there are away from now on: `hides` says that this command has met with it. @throws {Refusal} `forbidden`
     */
    async audience(user: UserId, id: string, target: UserId | undefined, command: CommandRef) {
      const isMeant = (one: UserId): boolean => target === undefined || one === target
      const found = await inside(user, id)
      const others = othersFor(user, found.participants).map((one) => one.user)
      const seen = others.filter(isMeant)
      const blocked = await blockedAmong(user, seen)
      const isOpen = (now?: ConferenceDocument): now is ConferenceDocument => now !== undefined && !now.ended
      const hidden = (now?: ConferenceDocument) => (isOpen(now) ? hide(now, user, blocked, command) : now!)
      const { shadows } = blocked.length > 0 ? (await conferences.change(id, hidden))! : found
      return {
        isForSomebody:
          seen.length > 0 || shadowsFor(user, { ...found, shadows: shadows ?? [] }).some((one) => isMeant(one.user)),
        hearing: seen.filter((one) => !blocked.includes(one)),
        hides: hasHidden(shadows, command),
      }
    },

    /** Ends the shadows that are of that command, a minute after it. Whoever still is in it hears who has gone. */
    async fade(id: string, since: string, command: CommandRef): Promise<{ gone: readonly Shadow[]; isEarly: boolean }> {
      const found = await conferences.get(id)
      if (!found || (found.ended && !found.recent.some((one) => one.id === command.id)))
        return { gone: [], isEarly: false }
      const isOf = (one: Shadow): boolean => one.since === since
      const isEarly = found.shadows?.some((one) => isOf(one) && command.at.getTime() < one.at + RESUME_MS) ?? false
      if (isEarly) return { gone: [], isEarly }
      const { gone = [] } = await change(id, command, (now) => {
        const faded = (now.shadows ?? []).filter(isOf)
        const rest = (now.shadows ?? []).filter((one) => !isOf(one))
        return faded.length > 0 ? ['faded', { shadows: rest }, faded.filter(({ to }) => seatOf(now, to))] : undefined
      })
      return { gone, isEarly }
    },

    /** Makes a conference with its maker in it. @throws {Refusal} `conflict` when he is in too many */
    async create(user: UserId, title: string | undefined, command: CommandRef): Promise<Outcome> {
      const [_id, token] = [idFrom(command.id), randomBytes(24).toString('base64url')]
      const among = [{ user, id: idFrom(`${command.id} ${user}`) }]
      await noteSeat(user, _id)
      const recent = [{ id: command.id, what: 'created' as const, among }]
      await conferences.insert({ _id, title, owner: user, token, ended: false, participants: among, recent })
      return { conference: (await conferences.get(_id))!, what: 'created', among } // of the first attempt: its token
    },

    /** Those of `others` who hear of an invitation. @throws {Refusal} `forbidden` when one is none of the user's contacts */
    async invitable(user: UserId, others: readonly UserId[]): Promise<UserId[]> {
      const hearing: UserId[] = []
      for (const other of new Set(others)) {
        refuseSelf({ invite: other }, user)
        const { hasAccess, blocks, isBlocked } = await relations.toward(user, other)
        if (!hasAccess || blocks) {
          throw refuse('forbidden', { invite: `${other} is ${blocks ? 'blocked by you' : 'none of your contacts'}` })
        }
        if (!isBlocked) hearing.push(other)
      }
      return hearing
    },

    /** Takes a seat, or again the one he has. @throws {Refusal} `forbidden` without its token, `conflict` when it is full, or he is in too many */
    async join(user: UserId, id: string, token: string, command: CommandRef): Promise<Outcome> {
      for (;;) {
        const found = await conferences.get(id)
        const isKept = found && (found.token === token || found.recent.some((one) => one.id === command.id))
        if (!isKept || (await relations.toward(user, found.owner)).isBlocked) throw foreign()
        await noteSeat(user, id)
        const known = found.participants.map((one) => one.user)
        const unseen = await blockedAmong(user, known)
        let isOutdated = false // somebody has come meanwhile, who may block him
        const outcome = await change(id, command, (now) => {
          if (now.token !== token) throw foreign()
          isOutdated = now.participants.some((one) => one.user !== user && !known.includes(one.user))
          if (isOutdated) return undefined
          const seat = seatOf(now, user)
          if (!seat && now.participants.length >= MOST_PARTICIPANTS) {
            throw refuse('conflict', { conference_id: 'is full' })
          }
          const mine: Participant = {
            user,
            id: seat?.id ?? idFrom(`${command.id} ${user}`),
            ...(unseen.length && { unseen }),
          }
          const others = now.participants.map((one) => (one === seat ? mine : seenBy(user, one)))
          const shadows = withoutShadows(hide(now, user, unseen, command), user, unseen)
          return seat
            ? ['resumed', { participants: others, shadows }]
            : ['joined', { participants: [...others, mine], shadows }]
        })
        if (!isOutdated) return outcome
      }
    },

    /** Gives his seat up. @throws {Refusal} `forbidden` when he has none */
    async leave(user: UserId, id: string, command: CommandRef): Promise<Outcome> {
      const outcome = await leave(user, id, command, () => true)
      if (!outcome.what) throw foreign()
      return outcome
    },

    /** Ends it for all. @throws {Refusal} `forbidden` to anybody but its owner */
    async end(user: UserId, id: string, command: CommandRef): Promise<Outcome> {
      const outcome = await change(id, command, (now) => {
        if (now.owner !== user) throw foreign()
        return ['ended', { participants: [], ended: true }]
      })
      for (const seat of outcome.among) await seats.remove(`${seat.user} ${id}`)
      return outcome
    },

    /** His connection has come or gone: his seats are kept for him for a while. Resolves with those that this has changed. */
    async present(user: UserId, online: boolean, command: CommandRef): Promise<Outcome[]> {
      const outcomes: Outcome[] = []
      for (const conference of await seatsOf(user)) {
        const found = await conferences.get(conference)
        if (!found || found.ended) {
          await seats.remove(`${user} ${conference}`)
          continue
        }
        const outcome = await change(conference, command, (now) => {
          const seat = seatOf(now, user)
          if (!seat || (seat.away === undefined) === online) return undefined
          const { away: _away, ...here } = seat
          const back: Participant = online ? here : { ...here, away: command.id }
          return [online ? 'resumed' : 'away', { participants: withSeat(now, back) }]
        })
        if (outcome.what) outcomes.push(outcome)
      }
      return outcomes
    },

    /** He has not come back since that command. */
    async expire(user: UserId, id: string, since: string, command: CommandRef): Promise<Outcome | undefined> {
      const found = await conferences.get(id)
      if (!found || (found.ended && !found.recent.some((one) => one.id === command.id))) return undefined
      return leave(user, id, command, (seat) => seat.away === since)
    },
  }
}

/** Has this command met with a block that was made in the conference? */
export function hasHidden(shadows: readonly Shadow[] | undefined, { id }: Pick<CommandRef, 'id'>): boolean {
  return shadows?.some((one) => one.since === id) ?? false
}

/** A seat whose owner sees this user from now on, unless the user's own says otherwise. */
function seenBy(user: UserId, seat: Participant): Participant {
  return seat.unseen?.includes(user) ? { ...seat, unseen: seat.unseen.filter((one) => one !== user) } : seat
}

function withSeat({ participants }: ConferenceDocument, seat: Participant): Participant[] {
  return participants.map((one) => (one.user === seat.user ? seat : one))
}

function foreign(): Refusal {
  return refuse('forbidden', { conference_id: 'is no conference of yours' })
}
