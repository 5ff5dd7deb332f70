/**
 * Milliseconds since 1970 by a monotonic clock that starts at the machine's time when the process starts. For durations and expiry,
 * which must not change when the machine's clock is set. Times that people see or give use `Date`.
 */
export function steady(): number {
  return performance.timeOrigin + performance.now()
}
