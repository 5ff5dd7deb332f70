import { isPrivateAddress } from '../../shared/wire/private-address.ts'
import { refuse, type Refusal } from '../../shared/wire/refusal.ts'

/** WebRTC's own, and the words of call control. */
export const SIGNAL_TYPES = ['offer', 'answer', 'candidate', 'bye', 'ringing', 'decline', 'busy', 'cancel'] as const
export type SignalType = (typeof SIGNAL_TYPES)[number]

/** Characters of a session description, of a candidate, and of anything else as JSON. */
const [MOST_SDP, MOST_CANDIDATE, MOST_OTHER] = [40_000, 1_000, 4_000]

/**
 * Looks over what is to be relayed, without reading it: it is passed on as it came.
 * - `offer` and `answer`: a session description (RFC 8866), as text or as `{ type?, sdp }`
 * - `candidate`: a candidate (RFC 8839), as text or as `{ candidate, sdpMid?, sdpMLineIndex?, usernameFragment? }`; nothing, or
 *   an empty one, is the end of them
 * - the rest: anything small, or nothing
 * @throws {Refusal} `bad_payload`
 */
export function checkBody(type: SignalType, body: unknown): void {
  if (type === 'offer' || type === 'answer') {
    const sdp = textIn(body, 'sdp')
    const isOther = isObject(body) && 'type' in body && body['type'] !== type
    if (sdp === undefined || isOther || !isDescription(sdp)) throw wrong('is no session description')
  } else if (type === 'candidate') {
    if (body !== undefined && body !== null && !isCandidate(body)) throw wrong('is no candidate')
  } else if (body !== undefined && JSON.stringify(body).length > MOST_OTHER) {
    throw wrong(`is longer than ${MOST_OTHER} characters`)
  }
}

/**
 * The same without private addresses: a candidate that is one is left out, one that came from one does not tell it.
 * @returns undefined when nothing is left to be relayed
 */
export function withoutPrivate(type: SignalType, body: unknown): { body: unknown } | undefined {
  if (type === 'candidate') {
    const text = textIn(body, 'candidate')
    if (text === undefined) return { body }
    const kept = publicCandidate(text)
    if (kept === undefined) return undefined
    return { body: isObject(body) ? { ...body, candidate: kept } : kept }
  }
  const sdp = type === 'offer' || type === 'answer' ? textIn(body, 'sdp') : undefined
  if (sdp === undefined) return { body }
  const lines = sdp.split(/(?<=\n)/).flatMap((line) => {
    const [, head = '', candidate = '', end = ''] = /^(a=)(candidate:[^\r\n]*)(\r?\n?)$/.exec(line) ?? []
    if (candidate !== '')
      return [publicCandidate(candidate)].flatMap((kept) => (kept === undefined ? [] : head + kept + end))
    return line.replace(/^(c=IN IP[46] )(\S+)/, (_, left: string, address: string) =>
      isPrivateAddress(address) ? `${left}${address.includes(':') ? '::' : '0.0.0.0'}` : `${left}${address}`,
    )
  })
  const kept = lines.join('')
  return { body: isObject(body) ? { ...body, sdp: kept } : kept }
}

/** `candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type> …` */
const CANDIDATE =
  /^(?:a=)?candidate:[\w+/-]{1,32} \d{1,5} (?:udp|tcp|ssltcp|tls) \d{1,10} (\S{1,255}) \d{1,5} typ [a-z]{1,16}(?: \S+ \S+)*\s*$/i

function publicCandidate(text: string): string | undefined {
  const address = CANDIDATE.exec(text)?.[1]
  if (address !== undefined && isPrivateAddress(address)) return undefined
  return text.replace(/ raddr (\S+) rport \d+/i, (related, from: string) =>
    isPrivateAddress(from) ? ` raddr ${from.includes(':') ? '::' : '0.0.0.0'} rport 0` : related,
  )
}

function isDescription(text: string): boolean {
  if (text.length > MOST_SDP || !/^v=0\r?\n/.test(text)) return false
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return ['o=', 's=', 't='].every((head) => lines.some((line) => line.startsWith(head))) && lines.every(isLine)
}

function isLine(line: string): boolean {
  return /^[a-z]=[^\u0000\r\n]*$/.test(line)
}

function isCandidate(body: unknown): boolean {
  const text = textIn(body, 'candidate')
  if (text === undefined || text.length > MOST_CANDIDATE || (text !== '' && !CANDIDATE.test(text))) return false
  if (!isObject(body)) return true
  const { sdpMid = null, sdpMLineIndex: index = null, usernameFragment: fragment = null } = body
  const isText = (value: unknown): boolean => value === null || (typeof value === 'string' && value.length <= 256)
  const isIndex = index === null || (Number.isInteger(index) && Number(index) >= 0 && Number(index) < 65_536)
  return isText(sdpMid) && isText(fragment) && isIndex
}

/** The text of a description or candidate, which may stand alone or in an object. */
function textIn(body: unknown, field: string): string | undefined {
  const text = isObject(body) && Object.hasOwn(body, field) ? body[field] : body
  return typeof text === 'string' ? text : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrong(what: string): Refusal {
  return refuse('bad_payload', { body: what })
}
