import type { HandlerSettings } from '../../shared/runtime/command.ts'
import { isPrivateAddress } from '../../shared/wire/private-address.ts'
import { refuse, type Refusal } from '../../shared/wire/refusal.ts'

/** WebRTC's own messages, and call control. */
export const SIGNAL_TYPES = ['offer', 'answer', 'candidate', 'bye', 'ringing', 'decline', 'busy', 'cancel'] as const
export type SignalType = (typeof SIGNAL_TYPES)[number]

/** The most characters of a candidate, and of any other body but a session description, as JSON. */
const [MAX_CANDIDATE, MAX_OTHER] = [1_000, 4_000]
/** Bytes for everything but the body in a signal's effects. */
const ROOM = 4_096

/**
 * The most bytes of a session description as JSON: as many as a command may have, and at most half a packet, because one packet
 * can hold it twice, for the polite and the impolite receivers.
 */
export function maxDescription({ commandBytes, answerBytes }: HandlerSettings): number {
  return Math.min(commandBytes, answerBytes - ROOM)
}

/**
 * Checks the form of a body. It is relayed unchanged.
 * - `offer` and `answer`: a session description (RFC 8866), as text, as `{ type?, sdp }`, or as `{ sdp: { type?, sdp } }`
 * - `candidate`: a candidate (RFC 8839), as text, as `{ candidate, sdpMid?, sdpMLineIndex?, usernameFragment? }`, or as
 *   `{ candidate: { candidate, … } }`; nothing, null or an empty one ends the candidates
 * - other types: anything small, or nothing
 * @param max the most bytes of a session description
 * @throws {Refusal} `too_large` with the bound, or `bad_payload`
 */
export function checkBody(type: SignalType, body: unknown, max: number): void {
  if (type === 'offer' || type === 'answer') {
    checkSize(body, max, 'bytes')
    const description = bareOf(body, 'sdp')
    const sdp = textIn(description, 'sdp')
    const isOther = [body, description].some((one) => isObject(one) && 'type' in one && one['type'] !== type)
    if (sdp === undefined || isOther || !isDescription(sdp)) throw wrong('is not a session description')
  } else if (type === 'candidate') {
    const candidate = bareOf(body, 'candidate')
    checkSize(textIn(candidate, 'candidate'), MAX_CANDIDATE, 'characters')
    if (candidate !== undefined && candidate !== null && !isCandidate(candidate)) throw wrong('is not a candidate')
  } else checkSize(body, MAX_OTHER, 'characters')
}

/**
 * Removes private addresses: drops candidates with one, and hides one as a candidate's related address.
 * @returns undefined when nothing is left to relay
 */
export function withoutPrivate(type: SignalType, body: unknown): { body: unknown } | undefined {
  if (type === 'candidate') {
    const text = textIn(bareOf(body, 'candidate'), 'candidate')
    if (text === undefined) return { body }
    const kept = publicCandidate(text)
    return kept === undefined ? undefined : { body: withText(body, 'candidate', kept) }
  }
  const sdp = type === 'offer' || type === 'answer' ? textIn(bareOf(body, 'sdp'), 'sdp') : undefined
  if (sdp === undefined) return { body }
  const lines = sdp.split(/(?<=\n)/).flatMap((line) => {
    const [, head = '', candidate = '', end = ''] = /^(a=)(candidate:[^\r\n]*)(\r?\n?)$/.exec(line) ?? []
    if (candidate !== '')
      return [publicCandidate(candidate)].flatMap((kept) => (kept === undefined ? [] : head + kept + end))
    return line.replace(/^(c=IN IP[46] )(\S+)/, (_, left: string, address: string) =>
      isPrivateAddress(address) ? `${left}${address.includes(':') ? '::' : '0.0.0.0'}` : `${left}${address}`,
    )
  })
  return { body: withText(body, 'sdp', lines.join('')) }
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
  if (!/^v=0\r?\n/.test(text)) return false
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return ['o=', 's=', 't='].every((head) => lines.some((line) => line.startsWith(head))) && lines.every(isLine)
}

function isLine(line: string): boolean {
  return /^[a-z]=[^\u0000\r\n]*$/.test(line)
}

function isCandidate(body: unknown): boolean {
  const text = isObject(body) && body['candidate'] === null ? '' : textIn(body, 'candidate')
  if (text === undefined || (text !== '' && !CANDIDATE.test(text))) return false
  if (!isObject(body)) return true
  const { sdpMid = null, sdpMLineIndex: index = null, usernameFragment: fragment = null } = body
  const isText = (value: unknown): boolean => value === null || (typeof value === 'string' && value.length <= 256)
  const isIndex = index === null || (Number.isInteger(index) && Number(index) >= 0 && Number(index) < 65_536)
  return isText(sdpMid) && isText(fragment) && isIndex
}

/** Unwraps what widespread libraries nest one level deeper: `{ candidate: { candidate, … } }`, `{ sdp: { type, sdp } }`. */
function bareOf(body: unknown, field: string): unknown {
  return isObject(body) && isObject(body[field]) ? body[field] : body
}

/** The body with its text replaced. */
function withText(body: unknown, field: string, text: string): unknown {
  if (!isObject(body)) return text
  const inner = body[field]
  return { ...body, [field]: isObject(inner) ? { ...inner, [field]: text } : text }
}

/** The text of a description or candidate, which may come alone or in an object. */
function textIn(body: unknown, field: string): string | undefined {
  const text = isObject(body) && Object.hasOwn(body, field) ? body[field] : body
  return typeof text === 'string' ? text : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @throws {Refusal} `too_large` */
function checkSize(body: unknown, max: number, unit: 'bytes' | 'characters'): void {
  if (body === undefined) return
  const text = typeof body === 'string' && unit === 'characters' ? body : JSON.stringify(body)
  const size = unit === 'bytes' ? Buffer.byteLength(text) : text.length
  if (size > max) throw refuse('too_large', { body: `is larger than ${max} ${unit}` })
}

function wrong(what: string): Refusal {
  return refuse('bad_payload', { body: what })
}
