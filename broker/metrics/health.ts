import { X509Certificate } from 'node:crypto'
import type { Registry } from 'prom-client'
import { diskOf } from './disk.ts'
import { gaugeCount, gaugeEach } from './gauges.ts'

export interface Health {
  isReady: () => boolean
  /** Current faults, as `/readyz` lists them. */
  faults: () => readonly string[]
  /** Can the storage take new commands? */
  canStore: () => boolean
  issuers: readonly { readonly name: string; readonly isWell: boolean }[]
  dataDir: string
  /** The certificate chain in use, in PEM. */
  certificate: () => string
}

/** Registers gauges of what `/readyz` decides by, of the disk, and of the certificate. */
export function gaugeHealth(registry: Registry, health: Health): void {
  const { isReady, faults, canStore, issuers, dataDir, certificate } = health
  gaugeCount(registry, 'broker_ready', '1 while `/readyz` answers 200, else 0', () => Number(isReady()))
  gaugeCount(registry, 'broker_faults', 'Problems that `/readyz` lists', () => faults().length)
  gaugeCount(registry, 'storage_writable', '1 while the storage takes new commands, else 0', () => Number(canStore()))
  gaugeCount(
    registry,
    'disk_free_bytes',
    'Free bytes of the disk that holds `DATA_DIR`',
    async () => (await diskOf(dataDir))?.free,
  )
  gaugeCount(registry, 'disk_size_bytes', 'Size of that disk', async () => (await diskOf(dataDir))?.total)
  gaugeCount(
    registry,
    'tls_certificate_expiry_timestamp_seconds',
    'When the certificate in use expires, in seconds since 1970',
    () => Date.parse(new X509Certificate(certificate()).validTo) / 1000,
  )
  const issuer = { name: 'issuer_reachable', help: '1 if the last fetch of the issuer’s keys succeeded, else 0' }
  gaugeEach(registry, { ...issuer, label: 'issuer' }, () =>
    issuers.map(({ name, isWell }) => [name, Number(isWell)] as const),
  )
}
