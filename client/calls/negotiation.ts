import type { SignalType } from './board.ts'
import { candidateIn, descriptionIn, fragmentOf, hasFragment, sessionOf, type Description } from './signal-body.ts'

/** Milliseconds that candidates get to be found before a description goes out: those in it need no signals of their own. */
const HEAD_START = 100
/** Milliseconds after which an offer that nobody has answered is sent again: a signal can be lost with a connection. */
const UNANSWERED = 10_000

export interface NegotiationPorts {
  /** Resolves when the signal has been relayed. */
  send(type: SignalType, body: unknown): Promise<void>
  /** Adds tracks, if that is still to be done: an offer has arrived and is about to be answered. */
  beforeAnswer(): void
  /** A description was not accepted by this browser. */
  onError(err: unknown): void
  /** The other side has accepted our offer, or we theirs. */
  onAgreed(): void
}

/**
 * Perfect negotiation on one RTCPeerConnection [W3C WebRTC 10.7]: either side may change its tracks or restart ICE at any time; when
 * both offer at once, the polite one takes its own offer back. What arrives is taken one after another.
 */
export class Negotiation {
  readonly #pc: RTCPeerConnection
  readonly #ports: NegotiationPorts
  #isPolite = false // every signal says
  #isClosed = false
  #last: Promise<void> = Promise.resolve()
  #round = 0
  /** Our description as it was last sent; undefined while it has not been, or was taken back. */
  #sent: string | undefined
  #unanswered: ReturnType<typeof setTimeout> | undefined
  #endHeadStart = (): void => {}

  constructor(pc: RTCPeerConnection, ports: NegotiationPorts) {
    this.#pc = pc
    this.#ports = ports
    // Handlers as properties, since React Native's event targets are not complete.
    pc.onnegotiationneeded = () => this.#next(() => this.#offer())
    pc.onicecandidate = ({ candidate }) => this.#found(candidate)
  }

  /** Takes an offer, an answer or a candidate of the other side. `isPolite`: does this side give way when both offer? */
  takes(type: SignalType, body: unknown, isPolite: boolean): void {
    this.#next(async () => {
      this.#isPolite = isPolite
      const description = type === 'candidate' ? undefined : descriptionIn(body)
      if (type === 'offer' && description) await this.#takeOffer(description)
      if (type === 'answer' && description) await this.#takeAnswer(description)
      if (type === 'candidate') await this.#takeCandidate(body)
    })
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#unanswered)
    this.#endHeadStart()
    this.#pc.onnegotiationneeded = null
    this.#pc.onicecandidate = null
  }

  #next(work: () => Promise<void>): void {
    this.#last = this.#last
      .then(() => (this.#isClosed ? undefined : work()))
      .catch((err: unknown) => {
        if (!this.#isClosed) this.#ports.onError(err)
      })
  }

  async #offer(): Promise<void> {
    if (this.#pc.signalingState !== 'stable') return // the event comes again once it is
    await this.#pc.setLocalDescription()
    await this.#headStart()
    this.#round++
    this.#sendOffer()
  }

  #sendOffer(): void {
    if (this.#isClosed) return
    const [round, { sdp }] = [this.#round, this.#pc.localDescription!]
    this.#sent = sdp
    const watch = (): void => {
      if (this.#isClosed || this.#round !== round) return
      clearTimeout(this.#unanswered)
      this.#unanswered = setTimeout(() => this.#next(async () => this.#offerAgain(round)), UNANSWERED)
    }
    this.#ports.send('offer', { type: 'offer', sdp, round }).then(watch, watch)
  }

  #offerAgain(round: number): void {
    if (this.#round === round && this.#pc.signalingState === 'have-local-offer') this.#sendOffer()
  }

  async #takeOffer({ sdp, round }: Description): Promise<void> {
    if (this.#pc.signalingState !== 'stable') {
      if (!this.#isPolite) return // ours counts
      this.#sent = undefined
      clearTimeout(this.#unanswered)
      await this.#pc.setLocalDescription({ type: 'rollback' }) // what it was for makes the browser ask for an offer again
    }
    await this.#pc.setRemoteDescription({ type: 'offer', sdp })
    this.#ports.beforeAnswer()
    await this.#pc.setLocalDescription()
    await this.#headStart()
    if (this.#isClosed) return
    const answer = this.#pc.localDescription!.sdp
    this.#sent = answer
    const [about, to] = [round !== undefined && { round }, sessionOf(sdp)]
    this.#ports
      .send('answer', { type: 'answer', sdp: answer, ...about, ...(to !== undefined && { to }) })
      .catch(() => {})
    this.#ports.onAgreed()
  }

  async #takeAnswer({ sdp, round, to }: Description): Promise<void> {
    const isOther = (round ?? this.#round) !== this.#round || (to ?? this.#session) !== this.#session
    if (this.#pc.signalingState !== 'have-local-offer' || isOther) return // answers an offer that was sent twice or taken back
    clearTimeout(this.#unanswered)
    await this.#pc.setRemoteDescription({ type: 'answer', sdp })
    this.#ports.onAgreed()
  }

  get #session(): string | undefined {
    return sessionOf(this.#pc.localDescription?.sdp)
  }

  /** Leaves out candidates of an offer that was ignored or replaced. */
  async #takeCandidate(body: unknown): Promise<void> {
    const [candidate, known] = [candidateIn(body), this.#pc.remoteDescription]
    const fragment = candidate && fragmentOf(candidate)
    if (!candidate || !known || (fragment !== undefined && !hasFragment(known.sdp, fragment))) return
    await this.#pc.addIceCandidate(candidate).catch(() => {}) // such as one for a part of the call that was turned down
  }

  #found(candidate: RTCIceCandidate | null): void {
    if (!candidate?.candidate) {
      if (!candidate) this.#endHeadStart()
      return
    }
    const [sent, fragment] = [this.#sent, fragmentOf(candidate)]
    // What was found before the description goes out is in it; what belongs to another one is of no use.
    if (sent === undefined || sent.includes(candidate.candidate.split(' generation ')[0]!)) return
    if (fragment !== undefined && !hasFragment(sent, fragment)) return
    this.#ports.send('candidate', bodyOf(candidate)).catch(() => {})
  }

  async #headStart(): Promise<void> {
    if (this.#pc.iceGatheringState === 'complete') return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, HEAD_START)
      this.#endHeadStart = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function bodyOf({ candidate, sdpMid, sdpMLineIndex, usernameFragment }: RTCIceCandidate): RTCIceCandidateInit {
  return { candidate, sdpMid, sdpMLineIndex, usernameFragment }
}
