// The bodies of signals. The platform relays them unread, so they may hold a few fields of ours; apps without this client leave
// them out, and may send descriptions and candidates as bare text or one level deeper, as widespread libraries do.

/** An offer or an answer. */
export interface Description {
  sdp: string
  /** Numbers the offers of one connection; an answer has the number of its offer. */
  round?: number
  /** In an answer: the session that made the offer. */
  to?: string
}

/** Who made a description: JSEP keeps the session id of `o=` for the life of one RTCPeerConnection [RFC 9429 5.2.2]. */
export function sessionOf(sdp: string | undefined): string | undefined {
  return /^o=\S+ (\S+)/m.exec(sdp ?? '')?.[1]
}

/** Does a description belong to the ICE session with this username fragment? */
export function hasFragment(sdp: string, fragment: string): boolean {
  return sdp.split(/\r?\n/).includes(`a=ice-ufrag:${fragment}`)
}

/** The username fragment of a candidate. */
export function fragmentOf({ usernameFragment, candidate }: RTCIceCandidateInit): string | undefined {
  return usernameFragment ?? / ufrag (\S+)/.exec(candidate ?? '')?.[1]
}

export function descriptionIn(body: unknown): Description | undefined {
  if (typeof body === 'string') return { sdp: body }
  if (!isObject(body)) return undefined
  const { sdp, round, to } = body
  if (isObject(sdp)) return descriptionIn(sdp)
  if (typeof sdp !== 'string') return undefined
  return { sdp, ...(typeof round === 'number' && { round }), ...(typeof to === 'string' && { to }) }
}

/** A candidate; undefined for the mark that ends the candidates. */
export function candidateIn(body: unknown): RTCIceCandidateInit | undefined {
  if (typeof body === 'string') return body === '' ? undefined : { candidate: body, sdpMLineIndex: 0 }
  if (!isObject(body)) return undefined
  if (isObject(body['candidate'])) return candidateIn(body['candidate'])
  return typeof body['candidate'] === 'string' && body['candidate'] !== '' ? body : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
