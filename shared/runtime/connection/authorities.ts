import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { BrokerLogin } from './seam.ts'

/**
 * Returns what gives the trusted certificates. The files are read at each call, but a new context is made only when one has
 * changed, since each costs 0.5 MB. A file that cannot be read or holds no certificate keeps its earlier content.
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
