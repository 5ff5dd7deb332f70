import type { LogFn, Logger } from 'pino'

/** The most lines of one message that are written in one window. */
const FIRST = 50
/** The length of a window, in milliseconds. */
const WINDOW = 10_000
const MAX_REASONS = 10
/** The most characters of a field, and items of a list. */
const [MAX_TEXT, MAX_ITEMS] = [300, 20]
const [INFO, FATAL] = [30, 60]

interface Kind {
  lines: number
  reasons: Map<string, number>
  /** Writes the last of these lines, with more fields. */
  last: (more: object) => void
}

/**
 * Keeps anyone from flooding the log. Of lines with one message, the first `first` in a window are written, and at its end the last of
 * the rest, with their number (`more`) and their reasons. Fatal and debug lines are always written. Long fields are cut off.
 */
export class Sampling {
  readonly #first: number
  readonly #windowMs: number
  readonly #kinds = new Map<string, Kind>()
  #timer: NodeJS.Timeout | undefined
  /** Lines left out so far. */
  leftOut = 0

  constructor({ first = FIRST, windowMs = WINDOW } = {}) {
    this.#first = first
    this.#windowMs = windowMs
  }

  /** For pino's `hooks`. */
  readonly logMethod = (logger: Logger, args: Parameters<LogFn>, method: LogFn, level: number): void => {
    const [first, ...others] = args as unknown[] as [unknown, ...unknown[]]
    const hasFields = typeof first === 'object' && first !== null
    const fields: { reason?: unknown; code?: unknown } = hasFields ? bounded(first) : {}
    const [text, ...values] = hasFields ? others : [first, ...others]
    const message = typeof text === 'string' ? text : ''
    const write = (more: object): void => method.call(logger, { ...fields, ...more }, message || undefined, ...values)
    if (level < INFO || level >= FATAL) return write({})
    this.#timer ??= setTimeout(() => this.tell(), this.#windowMs).unref()
    const kind = this.#kinds.get(message) ?? { lines: 0, reasons: new Map<string, number>(), last: write }
    this.#kinds.set(message, kind)
    if (++kind.lines <= this.#first) return write({})
    this.leftOut++
    kind.last = write
    const { reason, code } = fields
    const why = typeof reason === 'string' ? reason : typeof code === 'string' ? code : ''
    const counted = kind.reasons.get(why)
    if (counted !== undefined || kind.reasons.size < MAX_REASONS) kind.reasons.set(why, (counted ?? 0) + 1)
  }

  /** Ends a window, and logs how many lines it left out. */
  tell(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const kinds = [...this.#kinds.values()]
    this.#kinds.clear()
    for (const { lines, reasons, last } of kinds) {
      if (lines <= this.#first) continue
      reasons.delete('')
      last({
        more: lines - this.#first,
        seconds: this.#windowMs / 1000,
        ...(reasons.size > 0 && { reasons: Object.fromEntries(reasons) }),
      })
    }
  }
}

function bounded(fields: object): object {
  if (fields instanceof Error) return { err: fields }
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, cut(value, 2)]))
}

function cut(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => cut(item, depth))
  if (depth === 0 || typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value
  const entries = Object.entries(value).slice(0, MAX_ITEMS)
  return Object.fromEntries(entries.map(([name, inner]) => [name.slice(0, MAX_TEXT), cut(inner, depth - 1)]))
}
