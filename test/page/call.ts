import type { Flow, Sight } from '../phone.ts'

/** A signal as its receiver gets it. */
export interface Signal {
  origin: string
  type: 'offer' | 'answer' | 'candidate' | 'cancel'
  call_id: string
  /** Is the receiver the polite peer, who yields? */
  polite: boolean
  body?: unknown
}

/** The part of `getStats` that is read (W3C WebRTC Statistics). */
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

/** Sends a signal; resolves when the platform has answered. */
export type Relay = (target: string, type: Signal['type'], call_id: string, body?: unknown) => Promise<void>

/** A call with one other, negotiated as in W3C WebRTC 10.7: when both offer at once, the polite one accepts the other's. */
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

  /** @param offered called when it has sent an offer of its own */
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

  /** Sends camera and microphone, which triggers an offer. The caller does so at once. */
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
    if (call_id !== this.#id) return // it belongs to a call that this one has replaced
    if (type === 'answer') {
      this.#ignores = false
      await this.#pc.setRemoteDescription(body as RTCSessionDescriptionInit)
    }
    if (type === 'candidate' && !this.#ignores) await this.#pc.addIceCandidate(body as RTCIceCandidateInit)
  }

  /** Ignores candidates of an offer that was rolled back, which may still arrive. */
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
    await this.#pc.setRemoteDescription(offer) // rolls back an offer of its own
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
