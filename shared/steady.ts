/**
 * Milliseconds since 1970, as the machine's clock had it when this process started, and since then by a clock that nobody sets:
 * for how long something lasts or is kept. What people are told, and what they say, is by `Date`.
 */
export function steady(): number {
  return performance.timeOrigin + performance.now()
}
