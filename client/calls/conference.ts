import type { Event } from '../contract.ts'
import { codeOf, type Board, type HowToLeave, type Signal, type SignalType } from './board.ts'
import { endOf, type End } from './call-error.ts'
import { Connection } from './connection.ts'
import { Emitter } from './emitter.ts'
import type { Environment } from './environment.ts'
import type { IceServers } from './ice-servers.ts'
import type { Kind, LocalMedia } from './local-media.ts'
import { Participant } from './participant.ts'
import { SignalQueue } from './signal-queue.ts'

/** The most signals of one user that wait for the news that they have joined. */
const MAX_EARLY = 50

export interface ConferencePorts {
  readonly board: Board
  readonly environment: Environment
  readonly ice: IceServers
  readonly media: LocalMedia
  onEnd(conference: Conference): void
}

export type ConferenceEvents = {
  joined: [Participant]
  left: [Participant, reason: 'left' | 'gone']
  /** The media connection to somebody has changed. */
  state: [Participant]
  track: [MediaStreamTrack, Participant]
  ended: [End]
}
type Seat = Event<'conference_joined'>['participants'][number]

/** A conference that this device is in, with a media connection to each of the others. */
export class Conference extends Emitter<ConferenceEvents> {
  readonly id: string
  readonly title: string | undefined
  /** Whoever has it may join. */
  readonly token: string
  readonly #ports: ConferencePorts
  readonly #participants = new Map<string, Participant>()
  readonly #early = new Map<string, Signal[]>()
  #end: End | undefined
  /** The answers to this device's own joins; another one means that another device has taken the seat. */
  readonly #ownJoins = new Set<string | undefined>()
  #isJoining = false

  constructor({ id, title, token }: { id: string; title?: string | undefined; token: string }, ports: ConferencePorts) {
    super()
    this.id = id
    this.title = title
    this.token = token
    this.#ports = ports
  }

  /** The others, by user id. */
  get participants(): ReadonlyMap<string, Participant> {
    return this.#participants
  }

  get localStream(): MediaStream {
    return this.#ports.media.stream
  }

  /** Why the conference is over for this device; undefined while it is not. */
  get end(): End | undefined {
    return this.#end
  }

  async invite(users: string[]): Promise<void> {
    await this.#ports.board.call('invite_to_conference', { conference_id: this.id, invite: users })
  }

  /** Resolves when the platform knows it: later, while there is no connection. */
  async leave(how?: HowToLeave): Promise<void> {
    if (this.#end) return
    this.finish(endOf('left'))
    await this.#ports.board.call('leave_conference', { conference_id: this.id }, how).catch(() => {}) // left anyway
  }

  /** Ends the conference for all. Only its creator may. */
  async endForAll(): Promise<void> {
    await this.#ports.board.call('end_conference', { conference_id: this.id })
    this.finish(endOf('ended'))
  }

  mute(kind: Kind): void {
    this.#ports.media.mute(kind)
  }

  unmute(kind: Kind): void {
    this.#ports.media.mute(kind, false)
  }

  isMuted(kind: Kind): boolean {
    return this.#ports.media.isMuted(kind)
  }

  /** Sends this track to all in place of the one of its kind: another camera, a screen. Returns the old one, which goes on. */
  replace(track: MediaStreamTrack): MediaStreamTrack | undefined {
    return this.#ports.media.replace(track)
  }

  /** Restarts ICE with all. It happens by itself when the network changes, where the environment tells. */
  restart(): void {
    for (const { connection } of this.#participants.values()) connection.restart()
  }

  /** @internal Takes the seat, or takes it again after a lost connection. Who joins makes the offers. */
  async join(): Promise<void> {
    if (this.#isJoining || this.#end) return
    this.#isJoining = true
    try {
      const seat = { conference_id: this.id, token: this.token }
      const joined = await this.#ports.board.call('join_conference', seat, { keep: false })
      if (this.#end) return
      this.#ownJoins.add(joined.re)
      this.#meets(joined.participants, joined.resumed)
    } finally {
      this.#isJoining = false
    }
  }

  /** @internal Comes back after a lost connection. */
  async rejoin(): Promise<void> {
    try {
      await this.join()
    } catch (err) {
      const code = codeOf(err)
      if (code === 'forbidden' || code === 'conflict') this.finish(endOf('ended'))
    }
  }

  /** @internal */
  takes(signal: Signal): void {
    const participant = this.#participants.get(signal.origin)
    if (participant) return participant.connection.takes(signal)
    const early = this.#early.get(signal.origin) ?? []
    if (early.length < MAX_EARLY) this.#early.set(signal.origin, [...early, signal])
  }

  /** @internal Somebody has taken a seat, or is back in it. */
  hasJoined({ user_id, participant_id }: Pick<Seat, 'user_id' | 'participant_id'>): void {
    this.#seat(user_id, participant_id, false)
  }

  /** @internal */
  hasLeft(user: string, id: string, reason: 'left' | 'gone'): void {
    this.#early.delete(user)
    if (this.#participants.get(user)?.id === id) this.#remove(user, reason)
  }

  /** @internal Some device of this user has joined. */
  heardJoin(re: string | undefined): void {
    if (!this.#isJoining && !this.#ownJoins.has(re)) this.finish(endOf('joined_elsewhere'))
  }

  /** @internal The conference is over for this device. */
  finish(end: End): void {
    if (this.#end) return
    this.#end = end
    for (const participant of this.#participants.values()) participant.close()
    this.#participants.clear()
    this.#early.clear()
    this.#ports.media.close()
    this.emit('ended', end)
    this.silence()
    this.#ports.onEnd(this)
  }

  /** Who is there now. After a seat was lost the others have closed their connections to it. */
  #meets(seats: readonly Seat[], isResumed: boolean): void {
    for (const [user, { id }] of this.#participants) {
      if (!isResumed || !seats.some((seat) => seat.participant_id === id)) this.#remove(user, 'gone')
    }
    for (const { user_id, participant_id } of seats) this.#seat(user_id, participant_id, true)
  }

  #seat(user: string, id: string, makesOffer: boolean): void {
    const known = this.#participants.get(user)
    if (known?.id === id || this.#end) return
    if (known) this.#remove(user, 'gone')
    const participant = this.#connect(user, id)
    this.#participants.set(user, participant)
    this.emit('joined', participant)
    if (makesOffer) participant.connection.start()
    for (const signal of this.#early.get(user) ?? []) participant.connection.takes(signal)
    this.#early.delete(user)
  }

  #connect(user: string, id: string): Participant {
    const queue = new SignalQueue(
      (type, body) => this.#post(user, type, body),
      () => true,
    )
    const is = (): Participant | undefined => this.#participants.get(user)
    const connection = new Connection({
      ...this.#ports,
      send: (type, body) => queue.send(type, body),
      onState: () => is() && this.emit('state', is()!),
      onTrack: (track) => is() && this.emit('track', track, is()!),
      onError: () => connection.restart(),
    })
    return new Participant(user, id, connection, queue)
  }

  #remove(user: string, reason: 'left' | 'gone'): void {
    const participant = this.#participants.get(user)
    if (!participant) return
    this.#participants.delete(user)
    participant.close()
    this.emit('left', participant, reason)
  }

  async #post(target: string, type: SignalType, body: unknown): Promise<void> {
    const signal = { conference_id: this.id, target, type, ...(body !== undefined && { body }) }
    await this.#ports.board.call('signal_conference', signal, { keep: false })
  }
}
