import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../shared/config.ts'
import { tlsFiles } from '../shared/dev-secrets.ts'

/** The generated files: content by name. Generated once for all tests of a process, which takes longer than a broker's start. */
let generated: Promise<Map<string, string>> | undefined

/** Puts the certificate that all platforms of the tests share into a DATA_DIR, where the broker would generate one. */
export async function shareCertificate(dataDir: string): Promise<void> {
  const files = await (generated ??= generate())
  mkdirSync(join(dataDir, 'dev'), { recursive: true, mode: 0o700 })
  for (const [name, content] of files) writeFileSync(join(dataDir, 'dev', name), content, { mode: 0o600 })
}

async function generate(): Promise<Map<string, string>> {
  const dir = mkdtempSync(join(tmpdir(), 'certificate-'))
  try {
    const { cert, key } = await tlsFiles(readConfig({ DATA_DIR: dir }))
    return new Map([
      ['tls.pem', key + cert],
      ['tls-cert.pem', cert],
    ])
  } finally {
    rmSync(dir, { recursive: true })
  }
}
