import type { Flow, Sight } from '../phone.ts'

/** A signal as its receiver gets it. */
export interface Signal {
  origin: string
  type: 'offer' | 'answer' | 'candidate' | 'cancel'
  call_id: string
  /** Is the receiver the one that gives way? */
  polite: boolean
  body?: unknown
}

/** As much of `getStats` as is looked at (W3C WebRTC Statistics). */
interface Stat {
  type: string
  kind?: string
  bytesReceived?: number
  framesDecoded?: number
  selectedCandidatePairId?: string
  localCandidateId?: string
  remoteCandidateId?: string
  candidateType?: string
}

/** Sends a signal on; resolves when the platform has answered. */
export type Relay = (target: string, type: Signal['type'], call_id: string, body?: unknown) => Promise<void>

/** A call with one other, negotiated as in W3C WebRTC 10.7: when both offer at once, the polite one takes the other's. */
export class Call {
  readonly other: string
  readonly #pc: RTCPeerConnection
  readonly #media: MediaStream
  readonly #relay: Relay
  #id: string
  #offering: Promise<void> = Promise.resolve()
  #ignores = false
  #yields = false
  #collisions = 0

  /** @param offered is told when an offer of its own is out */
  constructor(
    other: string,
    id: string,
    config: RTCConfiguration,
    media: MediaStream,
    relay: Relay,
    offered: () => void,
  ) {
    this.other = other
    this.#id = id
    this.#media = media
    this.#relay = relay
    this.#pc = new RTCPeerConnection(config)
    this.#pc.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate && this.#isCurrent(candidate)) void relay(other, 'candidate', this.#id, candidate.toJSON())
    })
    this.#pc.addEventListener('negotiationneeded', () => {
      this.#offering = this.#offer().then(offered)
    })
  }

  /** Sends camera and microphone. Whoever calls does so at once, and an offer follows from it. */
  sends(): void {
    for (const track of this.#media.getTracks()) this.#pc.addTrack(track, this.#media)
  }

  restartsIce(): void {
    this.#pc.restartIce()
  }

  addsPicture(): void {
    this.#pc.addTrack(this.#media.getVideoTracks()[0]!.clone(), new MediaStream())
  }

  async takes({ type, call_id, polite, body }: Signal): Promise<void> {
    if (type === 'offer') return this.#takesOffer(call_id, polite, body as RTCSessionDescriptionInit)
    if (call_id !== this.#id) return // of a call that gave way to this one
    if (type === 'answer') {
      this.#ignores = false
      await this.#pc.setRemoteDescription(body as RTCSessionDescriptionInit)
    }
    if (type === 'candidate' && !this.#ignores) await this.#pc.addIceCandidate(body as RTCIceCandidateInit)
  }

  /** Not of an offer that was taken back: such ones still come, and are of no call. */
  #isCurrent({ usernameFragment }: RTCIceCandidate): boolean {
    return !this.#yields && this.#pc.localDescription!.sdp.includes(`a=ice-ufrag:${usernameFragment}\r\n`)
  }

  async #offer(): Promise<void> {
    await this.#pc.setLocalDescription()
    await this.#relay(this.other, 'offer', this.#id, this.#pc.localDescription!.toJSON())
  }

  async #takesOffer(id: string, polite: boolean, offer: RTCSessionDescriptionInit): Promise<void> {
    await this.#offering
    const collides = this.#pc.signalingState !== 'stable'
    if (collides) this.#collisions++
    this.#ignores = collides && !polite
    if (this.#ignores) return
    this.#yields = true
    if (id !== this.#id) await this.#relay(this.other, 'cancel', this.#id)
    this.#id = id
    await this.#pc.setRemoteDescription(offer) // takes an own one back
    if (this.#pc.getSenders().every(({ track }) => track === null)) this.sends()
    await this.#pc.setLocalDescription()
    this.#yields = false
    await this.#relay(this.other, 'answer', id, this.#pc.localDescription!.toJSON())
  }

  async sight(): Promise<Omit<Sight, 'isOnline' | 'resumed' | 'faults'>> {
    const report = (await this.#pc.getStats()) as ReadonlyMap<string, Stat>
    const flows = (wanted: string): Flow[] =>
      [...report.values()]
        .filter(({ type, kind }) => type === 'inbound-rtp' && kind === wanted)
        .map(({ bytesReceived: bytes = 0, framesDecoded: frames = 0 }) => ({ bytes, frames }))
    const find = (id: string | undefined): Stat | undefined => report.get(id ?? '')
    const transport = [...report.values()].find(({ type }) => type === 'transport')
    const chosen = find(transport?.selectedCandidatePairId)
    const [local, remote] = [find(chosen?.localCandidateId), find(chosen?.remoteCandidateId)]
    return {
      callId: this.#id,
      connection: this.#pc.connectionState,
      videos: flows('video'),
      audios: flows('audio'),
      way: local && remote && { local: local.candidateType!, remote: remote.candidateType! },
      fragment: /^a=ice-ufrag:(\S+)/m.exec(this.#pc.currentRemoteDescription?.sdp ?? '')?.[1],
      collisions: this.#collisions,
    }
  }
}
