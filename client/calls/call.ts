import type { Board, HowToLeave, Signal } from './board.ts'
import { CallError, callError, endOf, type CallCode, type End } from './call-error.ts'
import { CallSignals } from './call-signals.ts'
import { nextState, type CallState, type Happening } from './call-state.ts'
import { Connection, type ConnectionState } from './connection.ts'
import { Emitter } from './emitter.ts'
import type { Environment } from './environment.ts'
import type { IceServers } from './ice-servers.ts'
import { LocalMedia, type Kind, type Media } from './local-media.ts'

/** Milliseconds without a connection after which an answered call is given up. */
const GIVE_UP = 60_000
/** The most signals that wait for the call to be answered. */
const MAX_WAITING = 200

export interface CallPorts {
  readonly board: Board
  readonly environment: Environment
  readonly ice: IceServers
  /** The call has got the id of the other side's call, or is over. */
  onEnd(call: Call): void
}

/** A call with one other user. Events: `state`, and `track` when the other side sends one more track. */
export class Call extends Emitter<{ state: [CallState]; track: [MediaStreamTrack] }> {
  /** The other user. */
  readonly user: string
  readonly #ports: CallPorts
  #id: string
  #direction: 'in' | 'out'
  #state: CallState = 'ringing'
  #end: End | undefined
  #signals: CallSignals
  #media: LocalMedia | undefined
  #connection: Connection | undefined
  #isAnswering = false
  #waiting: Signal[] = []
  #giveUp: ReturnType<typeof setTimeout> | undefined
  /** Those who wait for the call to be placed, answered or over. */
  readonly #watchers = new Set<() => void>()

  constructor(direction: 'in' | 'out', user: string, id: string, ports: CallPorts) {
    super()
    this.#direction = direction
    this.user = user
    this.#id = id
    this.#ports = ports
    this.#signals = this.#openSignals()
  }

  /** When both call each other at once, the polite side's call gets the id of the other one. */
  get id(): string {
    return this.#id
  }

  get direction(): 'in' | 'out' {
    return this.#direction
  }

  get state(): CallState {
    return this.#state
  }

  /** Why the call is over; undefined while it is not. */
  get end(): End | undefined {
    return this.#end
  }

  get localStream(): MediaStream | undefined {
    return this.#media?.stream
  }

  /** What the other side sends; undefined while it rings. */
  get remoteStream(): MediaStream | undefined {
    return this.#connection?.stream
  }

  /** Resolves when somebody answers. @throws {CallError} when nobody does, with the reason */
  async answered(): Promise<void> {
    await this.#until(() => this.#state !== 'ringing')
    this.#throwIfEnded()
  }

  /** Answers an incoming call. When the camera is refused it goes on ringing, and may be answered again. @throws {CallError} */
  async answer(media: Media): Promise<void> {
    this.#throwUnlessRinging()
    this.#isAnswering = true
    try {
      const local = await LocalMedia.open(media, this.#ports.environment)
      this.#isAnswering = false
      await this.accept(local)
    } catch (err) {
      throw callError(err)
    } finally {
      this.#isAnswering = false
    }
  }

  /** Turns an incoming call down, on all devices. */
  async decline(reason: 'declined' | 'busy' = 'declined'): Promise<void> {
    if (this.#direction === 'out' || this.#state !== 'ringing') return this.hangUp()
    this.finish(endOf(reason))
    await this.#signals.tellEnd(reason === 'busy' ? 'busy' : 'decline')
  }

  /** Ends the call at once. Resolves when the platform knows it: later, while there is no connection. */
  async hangUp(how?: HowToLeave): Promise<void> {
    if (this.#state === 'ended') return
    const isRinging = this.#state === 'ringing'
    this.finish(endOf(!isRinging ? 'ended' : this.#direction === 'out' ? 'cancelled' : 'declined'))
    await this.#signals.tellEnd('bye', how) // ends the call in each of its states, also if it was answered just now
  }

  mute(kind: Kind): void {
    this.#media?.mute(kind)
  }

  unmute(kind: Kind): void {
    this.#media?.mute(kind, false)
  }

  /** Does this device send nothing of this kind? */
  isMuted(kind: Kind): boolean {
    return this.#media?.isMuted(kind) ?? true
  }

  /** Sends this track in place of the one of its kind: another camera, a screen. Returns the old one, which goes on. */
  replace(track: MediaStreamTrack): MediaStreamTrack | undefined {
    return this.#media?.replace(track)
  }

  /** Restarts ICE. It happens by itself when the network changes, where the environment tells. */
  restart(): void {
    this.#connection?.restart()
  }

  /** What the browser measures; undefined while the call rings. */
  async getStats(): Promise<RTCStatsReport | undefined> {
    return this.#connection?.getStats()
  }

  /** @internal Rings at the other side. @throws {CallError} when it cannot */
  async place(media: LocalMedia): Promise<void> {
    this.#media = media
    await this.#ports.ice.ready()
    try {
      if (this.#state === 'ringing' && !this.#connection) this.#connect(media).start()
    } catch (err) {
      this.finish(callError(err).end)
    }
    await this.#until(() => this.#signals.isPlaced)
    this.#throwIfEnded()
  }

  /** @internal Answers with these media. @throws {CallError} */
  async accept(media: LocalMedia): Promise<void> {
    try {
      this.#throwUnlessRinging()
      this.#isAnswering = true
      await this.#ports.ice.ready()
      this.#joinIn(media)
    } catch (err) {
      media.close()
      throw callError(err)
    } finally {
      this.#isAnswering = false
    }
    await this.#until(() => this.#signals.isPlaced)
    this.#throwIfEnded()
  }

  /** @internal */
  takes(signal: Signal): void {
    if (this.#connection) {
      if (signal.type === 'answer') this.happens('answered')
      this.#connection.takes(signal)
      return
    }
    if (signal.type === 'offer') this.#waiting = this.#waiting.filter(({ type }) => type !== 'offer') // it was sent again
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push(signal)
  }

  /** @internal Both have called each other: this call becomes the other side's, and answers it. */
  yieldTo(signal: Signal & { call_id: string }): void {
    if (!this.#media) return
    void this.#signals.tellEnd('bye')
    this.#signals.close()
    this.#connection?.close()
    this.#connection = undefined
    this.#id = signal.call_id
    this.#direction = 'in'
    this.#signals = this.#openSignals()
    this.#waiting = [signal]
    try {
      this.#joinIn(this.#media)
    } catch (err) {
      this.#fails('failed', callError(err).message)
    }
  }

  /** @internal */
  happens(happening: Exclude<Happening, 'over'>): void {
    this.#becomes(nextState(this.#state, happening))
  }

  /** @internal The call is over, for this device. */
  finish(end: End): void {
    if (this.#state === 'ended') return
    this.#end = end
    clearTimeout(this.#giveUp)
    this.#signals.close()
    this.#connection?.close()
    this.#media?.close()
    this.#waiting = []
    this.#becomes('ended')
    this.silence()
    this.#ports.onEnd(this)
  }

  #becomes(state: CallState): void {
    if (this.#state === state) return
    this.#state = state
    clearTimeout(this.#giveUp)
    if (state === 'connecting' || state === 'reconnecting') {
      this.#giveUp = setTimeout(() => this.#fails('lost'), GIVE_UP)
    }
    this.emit('state', state)
    this.#tellWatchers()
  }

  #fails(code: CallCode, message?: string): void {
    if (this.#state === 'ended') return
    this.finish(new CallError(code, message).end)
    void this.#signals.tellEnd('bye')
  }

  #joinIn(local: LocalMedia): void {
    this.#throwIfEnded()
    this.#connect(local)
    this.happens('answered')
    for (const signal of this.#waiting) this.#connection!.takes(signal)
    this.#waiting = []
  }

  #connect(media: LocalMedia): Connection {
    this.#media = media
    this.#connection = new Connection({
      ...this.#ports,
      media,
      send: (type, body) => this.#signals.send(type, body),
      onState: (state: ConnectionState) => this.happens(state === 'connected' ? 'up' : 'down'),
      onTrack: (track) => this.emit('track', track),
      onError: (err) => this.#fails('failed', callError(err).message),
    })
    return this.#connection
  }

  #openSignals(): CallSignals {
    return new CallSignals({
      board: this.#ports.board,
      user: this.user,
      id: this.#id,
      isRinging: () => this.#state === 'ringing',
      onPlaced: () => this.#tellWatchers(),
      onRefused: (end) => this.finish(end),
    })
  }

  async #until(is: () => boolean): Promise<void> {
    while (!is() && this.#state !== 'ended') await new Promise<void>((resolve) => this.#watchers.add(resolve))
  }

  #tellWatchers(): void {
    for (const tell of this.#watchers) tell()
    this.#watchers.clear()
  }

  #throwUnlessRinging(): void {
    this.#throwIfEnded()
    if (this.#direction === 'out' || this.#state !== 'ringing' || this.#isAnswering) throw new CallError('conflict')
  }

  #throwIfEnded(): void {
    if (this.#end) throw new CallError(this.#end.code, this.#end.message)
  }
}
