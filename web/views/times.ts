const [TIME, WEEKDAY, DAY, DATE] = [
  new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' }),
  new Intl.DateTimeFormat(undefined, { weekday: 'short' }),
  new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' }),
  new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: '2-digit' }),
]
const DAY_LENGTH = 86_400_000

const startOfDay = (at: Date): number => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime()
const daysAgo = (at: Date): number => Math.round((startOfDay(new Date()) - startOfDay(at)) / DAY_LENGTH)

export const timeOf = (at: string): string => TIME.format(new Date(at))

/** As short as it can be: a time of today, else a day. */
export function briefly(at: string): string {
  const date = new Date(at)
  const days = daysAgo(date)
  if (days === 0) return TIME.format(date)
  if (days === 1) return 'Yesterday'
  return days < 7 ? WEEKDAY.format(date) : DATE.format(date)
}

export function dayOf(at: string): string {
  const date = new Date(at)
  const days = daysAgo(date)
  return days === 0 ? 'Today' : days === 1 ? 'Yesterday' : DAY.format(date)
}

/** Such as `3:07` or `1:02:45`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60]
  const shown = parts[0] === 0 ? parts.slice(1) : parts
  return shown.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, '0'))).join(':')
}
