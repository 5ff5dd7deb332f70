// Figures as people read them.

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB']

export function bytes(count: number): string {
  let [value, unit] = [count, 0]
  while (value >= 1_000 && unit < UNITS.length - 1) [value, unit] = [value / 1_000, unit + 1]
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`
}

export function duration(seconds: number): string {
  if (seconds < 1) return seconds === 0 ? '–' : `${Math.round(seconds * 1000)} ms`
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`
}

export function ms(value: number | undefined): string {
  return value === undefined ? '–' : value < 10 ? `${value.toFixed(1)} ms` : duration(value / 1000)
}

export function rate(value: number): string {
  return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)}/s`
}

export function clock(at: number | string): string {
  return new Date(at).toLocaleTimeString([], { hour12: false })
}

export function moment(at: number | string): string {
  return new Date(at).toLocaleString([], { hour12: false })
}
