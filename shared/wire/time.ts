// Every time that comes from outside, by one definition: RFC 3339 with an offset, or milliseconds since 1970.

/** The last instant that a Date can hold, in milliseconds either side of 1970. */
const LAST = 8.64e15
const MINUTE = 60_000
const DATE_TIME =
  /^(\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))[Tt]((?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(\.\d+)?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/
/** Enough for a fraction of 30 digits; a longer text is not read. */
const MAX_LENGTH = 64
const AMOUNTS = { s: 1_000, m: MINUTE, h: 3_600_000, d: 86_400_000 }

export const TIME_RULE = 'must be RFC 3339 with an offset, such as 2026-11-20T18:00:00Z, or milliseconds since 1970'

/**
 * Reads a time as milliseconds since 1970; undefined when it is none.
 *
 * A text is a `date-time` of RFC 3339 [5.6]: with its offset, `T` and `Z` in either case, any number of digits of a second, of
 * which the first three count. A leap second is the first instant of the next minute, and can only end a month in UTC [5.7].
 * A number is milliseconds, within what a Date can hold.
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

/** Is this minute the last one of a month? */
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

/** Now, as RFC 3339 with milliseconds in UTC. Made once a millisecond: many events have the same. */
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

/** Reads a time that came as text, in a URL or on a command line: there, milliseconds are digits. */
export function timeOfText(text: string): number | undefined {
  return timeOf(/^\d{1,16}$/.test(text) ? Number(text) : text)
}

/** Reads how long something takes, as people type it: `90s`, `30m`, `1h`, `7d`. In milliseconds; undefined when it is none. */
export function durationOf(text: string): number | undefined {
  const [, amount, unit] = /^([1-9]\d{0,8})([smhd])$/.exec(text) ?? []
  return amount === undefined ? undefined : Number(amount) * AMOUNTS[unit as keyof typeof AMOUNTS]
}
