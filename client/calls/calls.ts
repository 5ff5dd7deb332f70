import type { Event } from '../contract.ts'
import { newId } from '../new-id.ts'
import type { Board, HowToLeave, Signal } from './board.ts'
import { Call } from './call.ts'
import { CallError, callError, endOf } from './call-error.ts'
import { KnownCalls, meaningOf } from './call-state.ts'
import { Conference } from './conference.ts'
import { Emitter } from './emitter.ts'
import { environment, type Environment } from './environment.ts'
import { IceServers, type IceSettings } from './ice-servers.ts'
import { LocalMedia, type Media } from './local-media.ts'

/** Milliseconds that the news of a call may take after its first signal, before the platform is asked for it. */
const NEWS_WAIT = 1_000
/** The most calls of which signals wait for the news. */
const MAX_EARLY = 20

export interface CallSettings extends IceSettings {
  /** In place of the browser's own. */
  environment?: Partial<Environment>
}

export type Invitation = Pick<Event<'conference_invited'>, 'conference_id' | 'token' | 'title'>
type CallSignal = Signal & { call_id: string }

/** The calls and conferences of a board. Events: `incoming` when somebody calls, `invited` when somebody invites to a conference. */
export class Calls extends Emitter<{ incoming: [Call]; invited: [Event<'conference_invited'>] }> {
  readonly #board: Board
  readonly #environment: Environment
  readonly #ice: IceServers
  readonly #calls = new Map<string, Call>()
  readonly #conferences = new Map<string, Conference>()
  readonly #known = new KnownCalls()
  /** Signals of calls that are not known to ring: they are new, or were answered before this device came. */
  readonly #early = new Map<string, { signals: CallSignal[]; timer: ReturnType<typeof setTimeout> }>()
  readonly #stops: (() => void)[]

  constructor(board: Board, settings: CallSettings = {}) {
    super()
    this.#board = board
    this.#environment = environment(settings.environment)
    this.#ice = new IceServers(board, settings)
    let wasOnline = true
    this.#stops = [
      board.on('signal', (signal) => this.#takes(signal)),
      board.on('call_changed', (change) => this.#changes(change)),
      board.on('conference_invited', (invitation) => this.emit('invited', invitation)),
      board.on('conference_joined', ({ conference_id, re }) => this.#conferences.get(conference_id)?.heardJoin(re)),
      board.on('participant_joined', (seat) => this.#conferences.get(seat.conference_id)?.hasJoined(seat)),
      board.on('participant_resumed', (seat) => this.#conferences.get(seat.conference_id)?.hasJoined(seat)),
      board.on('participant_left', ({ conference_id, user_id, participant_id, reason }) =>
        this.#conferences.get(conference_id)?.hasLeft(user_id, participant_id, reason),
      ),
      board.on('conference_ended', ({ conference_id }) => this.#conferences.get(conference_id)?.finish(endOf('ended'))),
      board.on('reset', () => this.#catchUp()),
      board.on('state', (state) => {
        if (state === 'online' && !wasOnline) for (const one of this.#conferences.values()) void one.rejoin()
        wasOnline = state === 'online'
      }),
      this.#environment.onPageGone(() => void this.hangUpAll({ keep: false })),
    ]
  }

  /** Calls that ring or go on, in the order in which they began. */
  get active(): readonly Call[] {
    return [...this.#calls.values()]
  }

  /** Conferences that this device is in. */
  get conferences(): readonly Conference[] {
    return [...this.#conferences.values()]
  }

  /**
   * Calls a user. Resolves when it rings there, or when they have called at the same moment: then that call is answered.
   * @param options.signal gives the call up
   * @throws {CallError} without a camera, when they are away, when they are no contact …
   */
  async dial(user: string, media: Media, { signal }: { signal?: AbortSignal } = {}): Promise<Call> {
    const giveUp = (): void => void call?.hangUp()
    let call: Call | undefined
    try {
      signal?.throwIfAborted()
      if (this.#with(user, 'out')) throw new CallError('conflict')
      const local = await LocalMedia.open(media, this.#environment)
      if (signal?.aborted || this.#with(user, 'out')) {
        local.close()
        throw new CallError(signal?.aborted ? 'aborted' : 'conflict')
      }
      signal?.addEventListener('abort', giveUp)
      call = this.#with(user, 'in')
      if (call) await call.accept(local)
      else await (call = this.#open('out', user, newId())).place(local)
      return call
    } catch (err) {
      throw signal?.aborted ? new CallError('aborted', undefined, err) : callError(err)
    } finally {
      signal?.removeEventListener('abort', giveUp)
    }
  }

  /** Makes a conference, and invites contacts. @throws {CallError} */
  async createConference(
    media: Media,
    { title, invite }: { title?: string; invite?: string[] } = {},
  ): Promise<Conference> {
    return this.#enter(media, async () => {
      const made = await this.#board.call('create_conference', {
        ...(title !== undefined && { title }),
        ...(invite && { invite }),
      })
      return made
    })
  }

  /** @param invitation as it came with `invited`, or its id and token */
  joinConference(invitation: Invitation, media: Media): Promise<Conference> {
    return this.#enter(media, async () => invitation)
  }

  /** Ends all calls, and leaves all conferences. */
  async hangUpAll(how?: HowToLeave): Promise<void> {
    await Promise.all([...this.active.map((one) => one.hangUp(how)), ...this.conferences.map((one) => one.leave(how))])
  }

  /** @internal The board is closed: nothing of the calls is left. */
  async close(): Promise<void> {
    for (const stop of this.#stops) stop()
    for (const { timer } of this.#early.values()) clearTimeout(timer)
    this.#early.clear()
    this.silence()
    await this.hangUpAll()
  }

  async #enter(media: Media, invitation: () => Promise<Invitation>): Promise<Conference> {
    let local: LocalMedia | undefined
    try {
      local = await LocalMedia.open(media, this.#environment)
      const [{ conference_id: id, token, title }] = await Promise.all([invitation(), this.#ice.ready()])
      const onEnd = (one: Conference): void => {
        if (this.#conferences.get(id) === one) this.#conferences.delete(id)
      }
      const ports = { board: this.#board, environment: this.#environment, ice: this.#ice, media: local, onEnd }
      const conference = new Conference({ id, title, token }, ports)
      this.#conferences.get(id)?.finish(endOf('joined_elsewhere'))
      this.#conferences.set(id, conference)
      try {
        await conference.join()
      } catch (err) {
        conference.finish(callError(err).end)
        throw err
      }
      return conference
    } catch (err) {
      local?.close()
      throw callError(err)
    }
  }

  #with(user: string, direction: 'in' | 'out'): Call | undefined {
    return this.active.find((one) => one.user === user && one.direction === direction && one.state !== 'ended')
  }

  #open(direction: 'in' | 'out', user: string, id: string): Call {
    const key = keyOf(user, id)
    const call = new Call(direction, user, id, {
      board: this.#board,
      environment: this.#environment,
      ice: this.#ice,
      onEnd: (one) => {
        this.#known.learn(keyOf(user, one.id), 'over')
        if (this.#calls.get(keyOf(user, one.id)) === one) this.#calls.delete(keyOf(user, one.id))
      },
    })
    this.#calls.set(key, call)
    return call
  }

  #takes(signal: Signal): void {
    if (signal.conference_id !== undefined) return this.#conferences.get(signal.conference_id)?.takes(signal)
    const { call_id } = signal
    if (call_id === undefined || (signal.type !== 'offer' && signal.type !== 'answer' && signal.type !== 'candidate'))
      return
    this.#takesOfCall({ ...signal, call_id })
  }

  #takesOfCall(signal: CallSignal): void {
    const key = keyOf(signal.origin, signal.call_id)
    const call = this.#calls.get(key)
    if (call) return call.takes(signal)
    if (this.#known.get(key) === 'over' || signal.type === 'answer') return
    const own = this.#with(signal.origin, 'out')
    if (own?.state === 'ringing') return this.#meets(own, signal, key)
    const early = this.#early.get(key)
    if (early) early.signals.push(signal)
    else if (signal.type === 'offer' && this.#early.size < MAX_EARLY) {
      const timer = setTimeout(() => this.#catchUp(), NEWS_WAIT)
      this.#early.set(key, { signals: [signal], timer })
    }
    if (this.#known.get(key) === 'ringing') this.#rings(key)
  }

  /** Both have called each other: the call of the impolite side counts. */
  #meets(own: Call, signal: CallSignal, key: string): void {
    if (!signal.polite || signal.type !== 'offer') return
    const old = keyOf(own.user, own.id)
    this.#calls.delete(old)
    this.#known.learn(old, 'over')
    this.#calls.set(key, own)
    own.yieldTo(signal)
  }

  #rings(key: string): void {
    const early = this.#early.get(key)
    if (!early) return
    clearTimeout(early.timer)
    this.#early.delete(key)
    const [{ origin, call_id }] = early.signals as [CallSignal]
    const call = this.#open('in', origin, call_id)
    for (const signal of early.signals) call.takes(signal)
    this.emit('incoming', call)
  }

  #changes(change: Pick<Event<'call_changed'>, 'call_id' | 'with' | 'direction' | 'state' | 'client_id'>): void {
    const key = keyOf(change.with, change.call_id)
    const call = this.#calls.get(key)
    const meaning = meaningOf(change, this.#board.clientId)
    if (meaning === 'ringing') {
      this.#known.learn(key, 'ringing')
      this.#rings(key)
    } else if (meaning === 'answered') call?.happens('answered')
    else {
      this.#known.learn(key, 'over')
      this.#forget(key)
      call?.finish(endOf(meaning))
    }
  }

  #forget(key: string): void {
    clearTimeout(this.#early.get(key)?.timer)
    this.#early.delete(key)
  }

  /** Asks the platform how the calls stand: news of them were missed, or came before this device. */
  #catchUp(): void {
    for (const conference of this.#conferences.values()) void conference.rejoin()
    this.#board
      .call('get_call_list', {})
      .then((list) => {
        for (const call of list.calls.toReversed()) this.#changes(call)
      })
      .catch(() => {}) // it is asked again with the next offer
  }
}

/** A call id is chosen by the caller, so it is only unique between two users. */
function keyOf(user: string, id: string): string {
  return `${user} ${id}`
}
