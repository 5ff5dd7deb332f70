import { randomBytes } from 'node:crypto'
import { relationBook } from '../shared/contact-pairs.ts'
import { idFrom } from '../shared/message-chain.ts'
import { refuseSelf } from '../shared/refuse-self.ts'
import type { CommandRef, HandlerSettings } from '../../shared/runtime/command.ts'
import type { Store } from '../../shared/store/documents.ts'
import { refuse, type Refusal } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { conferenceSeats } from './conference-seats.ts'
import * as state from './conference-state.ts'
import type { ConferenceDocument, Decision, Outcome, Participant, Shadow } from './conference-state.ts'
import { hasHidden, hide, othersFor, seeing, shadowsFor, withoutShadows } from './shadow-seats.ts'
import { maxDescription } from './signal-body.ts'

const { decided, hasChanged, MAX_PARTICIPANTS, outcomeOf, RESUME_MS, seatOf, withSeat } = state

/** Stores conferences and who is in them. */
export function conferenceBook(store: Store, settings: HandlerSettings) {
  const conferences = store.collection<ConferenceDocument>({ name: 'conferences' })
  const seats = conferenceSeats(store, conferences)
  const relations = relationBook(store, settings)

  /** Changes a conference once per command. @throws {Refusal} `forbidden` when it is missing or has ended */
  async function change(
    id: string,
    command: CommandRef,
    decide: (now: ConferenceDocument) => Decision,
  ): Promise<Outcome> {
    const after = await conferences.change(id, (now) => {
      if (now && hasChanged(now, command)) return now
      if (!now || now.ended) throw notYourConference()
      return decided(now, command, decide(now))
    })
    return outcomeOf(after!, command)
  }

  /** The conference of a scheduled command; undefined when it is missing, or has ended by another command. */
  async function stillOpen(id: string, command: CommandRef): Promise<ConferenceDocument | undefined> {
    const found = await conferences.get(id)
    return found && (!found.ended || hasChanged(found, command)) ? found : undefined
  }

  /** Those of the others who block the user or whom the user blocks. */
  async function blockedAmong(user: UserId, others: readonly UserId[]): Promise<UserId[]> {
    const found = await relations.betweenMany(user, others)
    return others.filter((_, i) => found[i] === 'blocked')
  }

  /** A conference that the user is in. @throws {Refusal} `forbidden` */
  async function inside(user: UserId, id: string): Promise<ConferenceDocument> {
    const found = await conferences.get(id)
    if (!found || found.ended || !seatOf(found, user)) throw notYourConference()
    return found
  }

  /** Gives up the user's seat if it is the one meant. */
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
    if (outcome.what === 'left') await seats.remove(user, id)
    return outcome
  }

  return {
    inside,
    hidesPrivate: settings.hidesPrivate,
    maxDescription: maxDescription(settings),

    /** The other participants who hear the user: nobody across a block. @throws {Refusal} `forbidden` */
    async hearing(user: UserId, id: string): Promise<UserId[]> {
      const others = othersFor(user, (await inside(user, id)).participants).map((one) => one.user)
      const blocked = await blockedAmong(user, others)
      return others.filter((one) => !blocked.includes(one))
    },

    /**
     * Whom a signal by the user is for, all others or the target, and who of them hears it. A block that was made in the
     * conference makes the two look away to each other from now on; `hides` says that this command has met one.
     * @throws {Refusal} `forbidden`
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

    /** Ends the shadows that began with the command `since`, `RESUME_MS` after it. Resolves with those whose viewers are still there. */
    async fade(id: string, since: string, command: CommandRef): Promise<{ gone: readonly Shadow[]; isEarly: boolean }> {
      const found = await stillOpen(id, command)
      if (!found) return { gone: [], isEarly: false }
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

    /** Creates a conference with the user in it. @throws {Refusal} `conflict` when the user is in too many */
    async create(user: UserId, title: string | undefined, command: CommandRef): Promise<Outcome> {
      const [_id, token] = [idFrom(command.id), randomBytes(24).toString('base64url')]
      const among = [{ user, id: idFrom(`${command.id} ${user}`) }]
      await seats.add(user, _id)
      const recent = [{ id: command.id, what: 'created' as const, among }]
      await conferences.insert({ _id, title, owner: user, token, ended: false, participants: among, recent })
      return { conference: (await conferences.get(_id))!, what: 'created', among } // read back: an earlier attempt's token counts
    },

    /** Those of `others` who hear of an invitation. @throws {Refusal} `forbidden` when one of them is not a contact */
    async invitable(user: UserId, others: readonly UserId[]): Promise<UserId[]> {
      const hearing: UserId[] = []
      for (const other of new Set(others)) {
        refuseSelf({ invite: other }, user)
        const { closed, isBlocked } = await relations.toward(user, other)
        if (closed !== undefined) throw refuse('forbidden', { invite: `${other} ${closed}` })
        if (!isBlocked) hearing.push(other)
      }
      return hearing
    },

    /**
     * Takes a seat, or takes the user's old seat again.
     * @throws {Refusal} `forbidden` without the token, `conflict` when the conference is full or the user is in too many
     */
    async join(user: UserId, id: string, token: string, command: CommandRef): Promise<Outcome> {
      for (;;) {
        const found = await conferences.get(id)
        const mayJoin = found && (found.token === token || hasChanged(found, command))
        if (!mayJoin || (await relations.toward(user, found.owner)).isBlocked) throw notYourConference()
        await seats.add(user, id)
        const known = found.participants.map((one) => one.user)
        const unseen = await blockedAmong(user, known)
        let isOutdated = false // somebody has joined meanwhile: there may be a block between them and the user
        const outcome = await change(id, command, (now) => {
          if (now.token !== token) throw notYourConference()
          isOutdated = now.participants.some((one) => one.user !== user && !known.includes(one.user))
          if (isOutdated) return undefined
          const seat = seatOf(now, user)
          if (!seat && now.participants.length >= MAX_PARTICIPANTS) {
            throw refuse('conflict', { conference_id: 'is full' })
          }
          const mine: Participant = {
            user,
            id: seat?.id ?? idFrom(`${command.id} ${user}`),
            ...(unseen.length && { unseen }),
          }
          const others = now.participants.map((one) => (one === seat ? mine : seeing(user, one)))
          const shadows = withoutShadows(hide(now, user, unseen, command), user, unseen)
          return seat
            ? ['resumed', { participants: others, shadows }]
            : ['joined', { participants: [...others, mine], shadows }]
        })
        if (!isOutdated) return outcome
      }
    },

    /** Gives up the user's seat. @throws {Refusal} `forbidden` when they have none */
    async leave(user: UserId, id: string, command: CommandRef): Promise<Outcome> {
      const outcome = await leave(user, id, command, () => true)
      if (!outcome.what) throw notYourConference()
      return outcome
    },

    /** Ends the conference for all. @throws {Refusal} `forbidden` to everyone but its owner */
    async end(user: UserId, id: string, command: CommandRef): Promise<Outcome> {
      const outcome = await change(id, command, (now) => {
        if (now.owner !== user) throw notYourConference()
        return ['ended', { participants: [], ended: true }]
      })
      for (const seat of outcome.among) await seats.remove(seat.user, id)
      return outcome
    },

    /** The user has come online or gone offline: keeps their seats for a while. Resolves with the conferences that this changed. */
    async present(user: UserId, online: boolean, command: CommandRef): Promise<Outcome[]> {
      const outcomes: Outcome[] = []
      for (const conference of await seats.list(user)) {
        const found = await conferences.get(conference)
        if (!found || found.ended) {
          await seats.remove(user, conference)
          continue
        }
        const outcome = await change(conference, command, (now) => {
          const seat = seatOf(now, user)
          if (!seat || (seat.away === undefined) === online) return undefined
          const { away: _away, ...here } = seat
          const changed: Participant = online ? here : { ...here, away: command.id }
          return [online ? 'resumed' : 'away', { participants: withSeat(now, changed) }]
        })
        if (outcome.what) outcomes.push(outcome)
      }
      return outcomes
    },

    /** Gives up the user's seat if they have been away since the command `since`. */
    async expire(user: UserId, id: string, since: string, command: CommandRef): Promise<Outcome | undefined> {
      if (!(await stillOpen(id, command))) return undefined
      return leave(user, id, command, (seat) => seat.away === since)
    },
  }
}

function notYourConference(): Refusal {
  return refuse('forbidden', { conference_id: 'is not one of your conferences' })
}
