import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import type { z } from 'zod'
import { faultOfIssuers } from './oidc-issuers.ts'
import { settings } from './settings.ts'

export type { OidcIssuer } from './oidc-issuers.ts'
export { isMongoUrl } from './setting-kinds.ts'

// Reads the settings. This is the one file that reads process.env.

/** Settings of earlier versions. Ignoring them would silently drop the bound that somebody set. */
const GONE: Readonly<Record<string, string>> = {
  INBOX_BYTES:
    'is no longer a setting; use KEPT_BYTES_PER_USER, which bounds what is kept for a user in inbox and sessions together',
}

type Settings = z.output<typeof settings>
export type Config = Omit<Settings, 'HOST'> & { HOST: string; production: boolean }

/** A setting is wrong or missing. Its message names the setting and never shows a value. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/**
 * Reads the settings from the environment, and from `.env` in the working directory for what the environment lacks.
 * An empty value counts as unset.
 * @throws {ConfigError} naming every setting that is wrong, or missing in production
 */
export function readConfig(env: Record<string, string | undefined> = fromProcess()): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const gone = Object.entries(GONE).filter(([name]) => given[name] !== undefined)
  if (gone.length > 0) throw new ConfigError(gone.map(([name, why]) => `${name}: ${why}`).join('\n'))
  const parsed = settings.safeParse(given)
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'))
  }
  const config = parsed.data
  const production = config.NODE_ENV === 'production'
  if ((config.TLS_CERT === undefined) !== (config.TLS_KEY === undefined)) {
    throw new ConfigError('TLS_CERT and TLS_KEY: set both or neither')
  }
  if (config.MAX_COMMAND_BYTES > config.MAX_PACKET_BYTES / 2) {
    throw new ConfigError('MAX_COMMAND_BYTES: must be at most half of MAX_PACKET_BYTES, which also bounds the answer')
  }
  if (config.MAX_TOKEN_BYTES > config.MAX_PACKET_BYTES) {
    throw new ConfigError(
      'MAX_TOKEN_BYTES: must be at most MAX_PACKET_BYTES, since the token arrives in a CONNECT packet',
    )
  }
  if (config.TURN_SECRET !== undefined && config.TURN_SECRET_STORE !== undefined) {
    throw new ConfigError('TURN_SECRET and TURN_SECRET_STORE: set one of them')
  }
  const faults = faultOfIssuers(config.OIDC_ISSUERS, config.SECRET !== undefined)
  if (faults !== undefined) throw new ConfigError(`OIDC_ISSUERS: ${faults}`)
  return { ...config, production, HOST: config.HOST ?? (production ? '0.0.0.0' : '127.0.0.1') }
}

/** @throws {ConfigError} when one of the settings is missing in production, where nothing is generated */
export function requireInProduction(config: Config, names: ReadonlyArray<keyof Config>): void {
  const missing = config.production ? names.filter((name) => config[name] === undefined) : []
  if (missing.length > 0) {
    throw new ConfigError(missing.map((name) => `${name}: must be set when NODE_ENV=production`).join('\n'))
  }
}

function fromProcess(): Record<string, string | undefined> {
  return { ...(existsSync('.env') && parseEnv(readFileSync('.env', 'utf8'))), ...process.env }
}
