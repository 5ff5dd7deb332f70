// One definition of a time that comes from outside: RFC 3339 with an offset, or milliseconds since 1970.

/** The latest time that a Date can hold, in milliseconds before or after 1970. */
const LAST = 8.64e15
const MINUTE = 60_000
const DATE_TIME =
  /^(\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))[Tt]((?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(\.\d+)?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/
/** Enough for a fraction of 30 digits; a longer text is invalid. */
const MAX_LENGTH = 64
const AMOUNTS = { s: 1_000, m: MINUTE, h: 3_600_000, d: 86_400_000 }

export const TIME_RULE = 'must be RFC 3339 with an offset, such as 2026-11-20T18:00:00Z, or milliseconds since 1970'

/**
 * Parses a time to milliseconds since 1970; undefined when it is invalid.
 *
 * A text is a `date-time` of RFC 3339 [5.6], with an offset, `T` and `Z` in either case, and any number of fractional digits, of which
 * three count. A leap second is the first instant of the next minute, and only valid at the end of a month in UTC [5.7]. A number is
 * milliseconds, within what a Date can hold.
 */
export function timeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Math.abs(value) <= LAST ? value : undefined
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return undefined
  const [, date, month, day, minute, second, fraction = '', sign, hours = 0, minutes = 0] = DATE_TIME.exec(value) ?? []
  if (date === undefined || Number(day) > daysIn(Number(date.slice(0, 4)), Number(month))) return undefined
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -MINUTE : MINUTE)
  const begun = Date.parse(`${date}T${minute}:00.000Z`) - offset
  if (second === '60') return endsMonth(begun) ? begun + MINUTE : undefined
  return begun + Number(second) * 1_000 + Number(fraction.slice(1, 4).padEnd(3, '0'))
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

/** Whether this minute is the last of a month. */
function endsMonth(minute: number): boolean {
  const next = new Date(minute + MINUTE)
  return next.getUTCDate() === 1 && next.getUTCHours() === 0 && next.getUTCMinutes() === 0
}

/** An instant that was asked for, as text. */
interface Instant {
  at: number
  text: string
}
const EPOCH: Instant = { at: 0, text: new Date(0).toISOString() }
let [lastNow, lastThen] = [EPOCH, EPOCH]

/** Now, as RFC 3339 in UTC with milliseconds. Formatted once per millisecond, since many events share it. */
export function isoNow(): string {
  const now = Date.now()
  if (now !== lastNow.at) lastNow = instantOf(now)
  return lastNow.text
}

/** The same of any instant: what is asked for one after another is often of one millisecond, too. */
export function isoOf(at: number): string {
  if (at !== lastThen.at) lastThen = at === lastNow.at ? lastNow : instantOf(at)
  return lastThen.text
}

function instantOf(at: number): Instant {
  return { at, text: new Date(at).toISOString() }
}

/** Parses a time from a URL or a command line, where milliseconds are a string of digits. */
export function timeOfText(text: string): number | undefined {
  return timeOf(/^\d{1,16}$/.test(text) ? Number(text) : text)
}

/** Parses a duration such as `90s`, `30m`, `1h` or `7d` to milliseconds; undefined when it is invalid. */
export function durationOf(text: string): number | undefined {
  const [, amount, unit] = /^([1-9]\d{0,8})([smhd])$/.exec(text) ?? []
  return amount === undefined ? undefined : Number(amount) * AMOUNTS[unit as keyof typeof AMOUNTS]
}
