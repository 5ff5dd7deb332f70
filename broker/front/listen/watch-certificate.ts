import type { Config } from '../../../shared/config.ts'
import type { Logger } from '../../../shared/log.ts'
import type { Closable } from '../../../shared/shutdown.ts'
import { watchFiles } from '../../../shared/watch-files.ts'

/** Calls `renew` when the certificate's or its key's file has changed. While the two do not match, the old pair stays in use. */
export function watchCertificate({ TLS_CERT, TLS_KEY }: Config, renew: () => Promise<void>, log: Logger): Closable {
  const files = [TLS_CERT, TLS_KEY].filter((file) => file !== undefined)
  const changed = (): void => {
    renew().then(
      () => log.info('renewed the TLS certificate'),
      (err: Error) =>
        log.warn(
          { reason: err.message },
          'cannot renew the TLS certificate; the previous one stays in use. Check TLS_CERT and TLS_KEY',
        ),
    )
  }
  return watchFiles(files, changed)
}
