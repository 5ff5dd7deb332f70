import type { Environment } from './environment.ts'
import type { IceServers } from './ice-servers.ts'
import type { LocalMedia } from './local-media.ts'
import type { Signal, SignalType } from './board.ts'
import { Negotiation } from './negotiation.ts'
import { descriptionIn, sessionOf } from './signal-body.ts'

/** Milliseconds that a lost connection gets to come back by itself; the polite side waits longer, so that one of them restarts ICE. */
const [IMPOLITE_WAITS, POLITE_WAITS] = [2_000, 4_000]
/** Milliseconds between two restarts of ICE while there is no connection. */
const AGAIN = 10_000

export type ConnectionState = 'connecting' | 'connected' | 'reconnecting'

export interface ConnectionPorts {
  readonly environment: Environment
  readonly ice: IceServers
  readonly media: LocalMedia
  send(type: SignalType, body: unknown): Promise<void>
  onState(state: ConnectionState): void
  /** Tracks of the other side have come or gone. */
  onTrack(track: MediaStreamTrack): void
  onError(err: unknown): void
}

/**
 * The media connection to one other side. It restarts ICE when the network changes or the connection is lost, and replaces its
 * RTCPeerConnection when the other side has a new one: a page that was loaded again, or another device.
 */
export class Connection {
  /** What the other side sends. It is the same stream as long as the connection lasts. */
  readonly stream: MediaStream
  readonly #ports: ConnectionPorts
  readonly #stops: (() => void)[]
  #isPolite = false
  #pc!: RTCPeerConnection
  #negotiation!: Negotiation
  #restart: ReturnType<typeof setTimeout> | undefined
  #hasTracks = false
  #isAgreed = false
  #state: ConnectionState = 'connecting'

  constructor(ports: ConnectionPorts) {
    this.#ports = ports
    this.stream = ports.environment.openStream()
    this.#open()
    this.#stops = [
      ports.environment.onNetworkChange(() => this.restart()),
      ports.ice.onRenewed((servers) => void this.#renew(servers)),
      ports.media.onReplaced(
        (old, track) => void this.#replace(old, track).catch((err: unknown) => ports.onError(err)),
      ),
    ]
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** What the browser measures, for showing the quality. */
  getStats(): Promise<RTCStatsReport> {
    return this.#pc.getStats()
  }

  /** Makes the offer. The other side of the call answers without having started. */
  start(): void {
    this.#addTracks()
  }

  takes({ type, body, polite }: Pick<Signal, 'type' | 'body' | 'polite'>): void {
    this.#isPolite = polite
    const session = type === 'candidate' ? undefined : sessionOf(descriptionIn(body)?.sdp)
    const known = sessionOf(this.#pc.remoteDescription?.sdp)
    const isNew = session !== undefined && known !== undefined && session !== known
    if (isNew) this.#reopen()
    if (isNew && type === 'answer') this.start()
    else this.#negotiation.takes(type, body, polite)
  }

  /** Looks for another way to the other side; media go on over the old one meanwhile. */
  restart(): void {
    if (!this.#isAgreed) return
    this.#pc.restartIce()
    if (this.#pc.connectionState !== 'connected') this.#restartIn(AGAIN)
  }

  close(): void {
    for (const stop of this.#stops) stop()
    this.#shut()
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track)
  }

  #open(): void {
    const { environment, ice } = this.#ports
    const pc = environment.openConnection(ice.config())
    this.#pc = pc
    pc.ontrack = ({ track }) => this.#hears(track)
    pc.onconnectionstatechange = () => this.#watch()
    this.#negotiation = new Negotiation(pc, {
      send: (type, body) => this.#ports.send(type, body),
      beforeAnswer: () => this.#addTracks(),
      onError: (err) => this.#ports.onError(err),
      onAgreed: () => {
        if (!this.#isAgreed) this.#restartIn(AGAIN)
        this.#isAgreed = true
      },
    })
  }

  #shut(): void {
    clearTimeout(this.#restart)
    this.#negotiation.close()
    this.#pc.ontrack = null
    this.#pc.onconnectionstatechange = null
    this.#pc.close()
  }

  #reopen(): void {
    this.#shut()
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track)
    this.#hasTracks = false
    this.#isAgreed = false
    this.#open()
    if (this.#state === 'connected') this.#becomes('reconnecting')
  }

  #addTracks(): void {
    if (this.#hasTracks) return
    this.#hasTracks = true
    const { stream } = this.#ports.media
    const tracks = stream.getTracks()
    for (const track of tracks) this.#pc.addTrack(track, stream)
    if (tracks.length > 0 || this.#pc.remoteDescription) return
    for (const kind of ['audio', 'video']) this.#pc.addTransceiver(kind, { direction: 'recvonly' }) // only looks and listens
  }

  #hears(track: MediaStreamTrack): void {
    if (this.stream.getTracks().includes(track)) return
    this.stream.addTrack(track)
    this.#ports.onTrack(track)
  }

  #watch(): void {
    const state = this.#pc.connectionState
    if (state === 'connected') {
      clearTimeout(this.#restart)
      this.#becomes('connected')
    } else if (state === 'disconnected' || state === 'failed') {
      if (this.#state === 'connected') this.#becomes('reconnecting')
      this.#restartIn(state === 'failed' ? 0 : this.#isPolite ? POLITE_WAITS : IMPOLITE_WAITS)
    }
  }

  #becomes(state: ConnectionState): void {
    if (this.#state === state) return
    this.#state = state
    this.#ports.onState(state)
  }

  #restartIn(ms: number): void {
    clearTimeout(this.#restart)
    this.#restart = setTimeout(() => this.restart(), ms)
  }

  /** New credentials count from the next restart on; a relay would refuse the old ones when it is asked to go on. */
  async #renew(iceServers: RTCIceServer[]): Promise<void> {
    const pc = this.#pc
    pc.setConfiguration({ ...pc.getConfiguration(), iceServers })
    if (await isRelayed(pc)) this.restart()
  }

  /** A track in the place of another of its kind needs no negotiation; the first of its kind does. */
  async #replace(old: MediaStreamTrack | undefined, track: MediaStreamTrack): Promise<void> {
    const sender = old && this.#pc.getSenders().find((one) => one.track === old)
    if (sender) await sender.replaceTrack(track)
    else if (this.#hasTracks) this.#pc.addTrack(track, this.#ports.media.stream)
  }
}

/** Does what we send go through a relay of ours, or is no way found yet? */
async function isRelayed(pc: RTCPeerConnection): Promise<boolean> {
  if (pc.connectionState !== 'connected') return true
  const stats = [...((await pc.getStats()) as unknown as Map<string, Record<string, unknown>>).values()]
  const byId = (id: unknown) => stats.find((one) => one['id'] === id)
  return stats
    .filter((one) => one['type'] === 'transport')
    .map((one) => byId(byId(one['selectedCandidatePairId'])?.['localCandidateId']))
    .some((local) => local?.['candidateType'] === 'relay')
}
