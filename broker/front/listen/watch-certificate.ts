import { unwatchFile, watchFile } from 'node:fs'
import type { Config } from '../../../shared/config.ts'
import type { Logger } from '../../../shared/log.ts'
import type { Closable } from '../../../shared/shutdown.ts'

/** Milliseconds between two looks: by name, so that a file that is replaced, or a link that is turned, counts too. */
const INTERVAL = 1_000

/** Calls `renew` when a file of the certificate has changed. While the two do not fit together, what was there stays. */
export function watchCertificate({ TLS_CERT, TLS_KEY }: Config, renew: () => Promise<void>, log: Logger): Closable {
  const files = [TLS_CERT, TLS_KEY].filter((file) => file !== undefined)
  const changed = (): void => {
    renew().then(
      () => log.info('the certificate is renewed'),
      (err: Error) => log.warn({ reason: err.message }, 'the certificate cannot be renewed; the one before stays'),
    )
  }
  for (const file of files) watchFile(file, { interval: INTERVAL, persistent: false }, changed)
  return {
    async close() {
      for (const file of files) unwatchFile(file, changed)
    },
  }
}
