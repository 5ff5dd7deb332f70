import type { IssuerKeys } from './front/identity/issuer-keys.ts'
import type { Storage } from './storage/storage.ts'

/** Why the storage refuses new commands; undefined when it does not. */
export function storageFault(storage: Storage): string | undefined {
  if (storage.hasRoom()) return storage.trouble()
  return storage.trouble() ?? 'the disk is nearly full, so new commands are refused. Free space in DATA_DIR'
}

/** The issuers whose keys cannot be fetched, one line each. */
export function issuerFaults(issuers: readonly IssuerKeys[]): string[] {
  return issuers
    .filter(({ isWell }) => !isWell)
    .map(({ name }) => `cannot fetch the keys of issuer ${name}; its last ones stay valid for a day`)
}
