// Filters of open topics: MQTT's own (MQTT 5, section 4.7). A topic with a slash is open, and nothing else is.

/** Levels of a topic or filter, at most. */
export const MAX_LEVELS = 100
const MAX_BYTES = 1_024

export function isOpenTopic(topic: string): boolean {
  return topic.includes('/') && !topic.startsWith('$')
}

/** A filter that open topics can match: it holds a slash, or is `#`. Those that begin with `$` are nobody's. */
export function isOpenFilter(filter: string): boolean {
  if (filter !== '#' && !isOpenTopic(filter)) return false
  const levels = filter.split('/')
  if (levels.length > MAX_LEVELS || Buffer.byteLength(filter) > MAX_BYTES) return false
  return levels.every((level, i) => (level === '#' ? i === levels.length - 1 : level === '+' || !/[+#]/.test(level)))
}

/** Does the filter match all that `other`, a filter or a topic, does? */
export function covers(filter: string, other: string): boolean {
  if (filter === other) return true
  const [wide, narrow] = [filter.split('/'), other.split('/')]
  for (const [i, level] of wide.entries()) {
    if (level === '#') return i <= narrow.length // `a/#` is also `a` [MQTT-4.7.1-2]
    const its = narrow[i]
    if (its === undefined || its === '#' || (level !== '+' && level !== its)) return false
  }
  return wide.length === narrow.length
}
