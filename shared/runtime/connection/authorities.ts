import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { BrokerLogin } from './seam.ts'

/**
 * Whom to believe, read anew at each call. Made anew only when a file has changed, as each costs 0.5 MB. A file that cannot be
 * read, or holds no certificate now, counts as it was.
 */
export function authorities(
  { ca, caFiles = [] }: BrokerLogin,
  failed: (file: string, reason: string) => void,
): () => SecureContext {
  let read: string[] = caFiles.map(() => '')
  let made = createSecureContext({ ca: [...ca] })
  return () => {
    const now = caFiles.map((file, i) => {
      try {
        return readFileSync(file, 'utf8')
      } catch (err) {
        failed(file, (err as Error).message)
        return read[i]!
      }
    })
    if (now.every((pem, i) => pem === read[i])) return made
    try {
      made = createSecureContext({ ca: [...ca, ...now.filter((pem) => pem !== '')] })
      read = now
    } catch (err) {
      failed(caFiles.join(', '), (err as Error).message)
    }
    return made
  }
}
