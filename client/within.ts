/**
 * The answer, unless the app stops waiting before.
 * @throws what the answer rejects with, `signal.reason`, or `late()` after `timeout` milliseconds
 */
export async function within(
  answer: Promise<unknown>,
  signal: AbortSignal | undefined,
  timeout: number | undefined,
  late: () => Error,
): Promise<unknown> {
  if (!signal && timeout === undefined) return answer
  let timer: ReturnType<typeof setTimeout> | undefined
  let abort = (): void => {}
  const ended = new Promise<never>((_, reject) => {
    abort = () => reject(signal!.reason as Error)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort() // while the store was opened
    if (timeout !== undefined) timer = setTimeout(() => reject(late()), timeout)
  })
  answer.catch(() => {}) // told later, to nobody
  try {
    return await Promise.race([answer, ended])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}
