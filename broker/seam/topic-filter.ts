// Filters of open topics follow MQTT's rules (MQTT 5, section 4.7). A topic is open if it holds a slash.

/** Most levels of a topic or filter. */
export const MAX_LEVELS = 100
const MAX_BYTES = 1_024

export function isOpenTopic(topic: string): boolean {
  return topic.includes('/') && !topic.startsWith('$')
}

/** Can the filter match open topics? It must hold a slash, or be `#`, and must not begin with `$`. */
export function isOpenFilter(filter: string): boolean {
  if (filter !== '#' && !isOpenTopic(filter)) return false
  const levels = filter.split('/')
  if (levels.length > MAX_LEVELS || Buffer.byteLength(filter) > MAX_BYTES) return false
  return levels.every((level, i) => (level === '#' ? i === levels.length - 1 : level === '+' || !/[+#]/.test(level)))
}

/** Does the filter match everything that `other`, a filter or a topic, matches? */
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
