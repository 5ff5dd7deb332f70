/** A JSON object from the wire, whose fields are not checked yet. */
export type JsonObject = Record<string, unknown>

/** The deepest nesting of objects and arrays in a payload. */
export const MAX_DEPTH = 32

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/
const PROTO_KEY = /"(?:_|\\u005[fF]){2}proto/

/**
 * Parses a hostile payload as a JSON object, in time and memory linear in its size.
 * @throws {SyntaxError} saying what is wrong: not UTF-8, not JSON, not an object, too deep, a duplicate key, a lone surrogate, or a
 *   key named `__proto__`
 */
export function parseJsonObject(payload: Uint8Array, maxDepth = MAX_DEPTH): JsonObject {
  let text: string
  try {
    text = utf8.decode(payload)
  } catch {
    throw new SyntaxError('is not UTF-8')
  }
  const members = membersOf(text, maxDepth)
  if (members === undefined) throw new SyntaxError(`is nested deeper than ${maxDepth} levels`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new SyntaxError('is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('is not a JSON object')
  if (membersIn(value) !== members) throw new SyntaxError('holds a key twice')
  if (mayHide(text)) refuseHidden(value)
  return value as JsonObject
}

/** Parses a payload, or returns undefined when it is invalid. */
export function readJsonObject(payload: Uint8Array): JsonObject | undefined {
  try {
    return parseJsonObject(payload)
  } catch {
    return undefined
  }
}

/** What `parseJsonObject` would find wrong with a text made by `JSON.stringify`, if anything. */
export function textFault(text: string, maxDepth = MAX_DEPTH): string | undefined {
  if (membersOf(text, maxDepth) === undefined) return `is nested deeper than ${maxDepth} levels`
  if (!mayHide(text)) return undefined
  try {
    refuseHidden(JSON.parse(text))
    return undefined
  } catch (err) {
    return (err as Error).message
  }
}

function mayHide(text: string): boolean {
  return SURROGATE_ESCAPE.test(text) || PROTO_KEY.test(text)
}

/**
 * Counts the members of all objects in a JSON text by their colons. Returns undefined beyond the depth limit, so that a deep text is
 * refused before anything recurses over it.
 */
function membersOf(text: string, limit: number): number | undefined {
  let depth = 0
  let members = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x22) i = endOfString(text, i)
    else if (c === 0x7b || c === 0x5b) {
      if (++depth > limit) return undefined
    } else if (c === 0x7d || c === 0x5d) depth--
    else if (c === 0x3a) members++
  }
  return members
}

/** The end of the string that begins here: its closing quote, or the end of the text. */
function endOfString(text: string, start: number): number {
  const quote = text.indexOf('"', start + 1)
  if (quote === -1) return text.length
  if (text.charCodeAt(quote - 1) !== 0x5c) return quote
  let i = start + 1
  for (; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++
  return i
}

/** Counts the members of the parsed value: of duplicate keys JSON.parse keeps only the last. */
function membersIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let members = 0
  if (Array.isArray(value)) for (const one of value) members += membersIn(one)
  else for (const key in value) members += 1 + membersIn((value as JsonObject)[key])
  return members
}

function refuseHidden(value: unknown): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new SyntaxError('holds a lone surrogate')
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      if (key === '__proto__') throw new SyntaxError('holds a key named __proto__')
      refuseHidden(key)
      refuseHidden(inner)
    }
  }
}
