import type { Logger } from './log.ts'

/** Anything that can be closed. */
export interface Closable {
  close(): Promise<void>
}

/**
 * At the first SIGTERM, SIGINT or `disconnect` of the parent, closes everything in `opened`, last first, then exits: with 0 when all
 * closed in time, else with 1. Another signal, a second later or more, exits at once.
 * @param deadlineMs for closing everything
 */
export function closeOnSignal(opened: readonly Closable[], log: Logger, deadlineMs = 30_000): void {
  let since: number | undefined
  const stop = (signal: string): void => {
    if (since !== undefined && performance.now() - since > 1_000) process.exit(1) // Ctrl-C reaches a child twice: by npm too
    if (since !== undefined) return
    since = performance.now()
    log.info({ signal }, 'stopping')
    setTimeout(() => {
      log.error({ deadlineMs }, 'did not stop in time')
      process.exit(1)
    }, deadlineMs).unref()
    closeAll(opened).then(
      () => process.exit(0),
      (err: unknown) => {
        log.error({ err }, 'could not stop cleanly')
        process.exit(1)
      },
    )
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const early = process.listeners(signal) // stop-early.mjs
    // First: between two listeners Node would forget a signal that came while this turn of the event loop was loading code.
    process.on(signal, stop)
    for (const one of early) process.off(signal, one)
  }
  process.on('disconnect', () => stop('disconnect'))
  if (process.send && !process.connected) stop('disconnect') // its parent went while this process was loading
}

/** Closes in reverse order; goes on after a failure and rejects with the first. */
export async function closeAll(opened: readonly Closable[]): Promise<void> {
  const errors: unknown[] = []
  for (const one of opened.toReversed()) await one.close().catch((err: unknown) => errors.push(err))
  if (errors.length > 0) throw errors[0]
}
