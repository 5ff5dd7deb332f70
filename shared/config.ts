import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import type { z } from 'zod'
import { faultOfIssuers } from './oidc-issuers.ts'
import { SECRETS, settings } from './settings.ts'

export type { OidcIssuer } from './oidc-issuers.ts'
export { isMongoUrl } from './setting-kinds.ts'

// Reads the settings. This is the one file that reads process.env.

/** Settings of earlier versions. Ignoring them would silently drop the bound that somebody set. */
const GONE: Readonly<Record<string, string>> = {
  INBOX_BYTES:
    'is no longer a setting; use KEPT_BYTES_PER_USER, which bounds what is kept for a user in inbox and sessions together',
}

type Settings = z.output<typeof settings>
export type Config = Omit<Settings, 'HOST'> & {
  HOST: string
  production: boolean
  /** The files that hold secrets, by the setting's name. */
  secretFiles: ReadonlyMap<SecretName, string>
}
type SecretName = (typeof SECRETS)[number]

/** A setting is wrong or missing. Its message names the setting and never shows a value. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/**
 * Reads the settings from the environment, and from `.env` in the working directory for what the environment lacks.
 * An empty value counts as unset. A secret may be in a file that NAME_FILE names.
 * @throws {ConfigError} naming every setting that is wrong, or missing in production
 */
export function readConfig(env: Record<string, string | undefined> = fromProcess()): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const gone = Object.entries(GONE).filter(([name]) => given[name] !== undefined)
  if (gone.length > 0) throw new ConfigError(gone.map(([name, why]) => `${name}: ${why}`).join('\n'))
  const secretFiles = readSecretFiles(given)
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
  const HOST = config.HOST ?? (production ? '0.0.0.0' : '127.0.0.1')
  return { ...config, production, HOST, secretFiles }
}

/** @throws {ConfigError} when one of the settings is missing in production, where nothing is generated */
export function requireInProduction(config: Config, names: ReadonlyArray<keyof Config>): void {
  const missing = config.production ? names.filter((name) => config[name] === undefined) : []
  if (missing.length > 0) {
    throw new ConfigError(missing.map((name) => `${name}: must be set when NODE_ENV=production`).join('\n'))
  }
}

/**
 * The same settings with the present content of the secrets' files.
 * @throws {ConfigError} when a file cannot be read, or holds no such secret
 */
export function withSecretsOfNow(config: Config): Config {
  const now: Record<string, unknown> = {}
  for (const [name, file] of config.secretFiles) {
    const parsed = settings.shape[name].safeParse(readSecretFile(name, file))
    if (!parsed.success) throw new ConfigError(`${name}_FILE: ${parsed.error.issues[0]?.message}`)
    now[name] = parsed.data
  }
  return { ...config, ...now }
}

/** Puts the content of the secrets' files where the settings would be; returns the files. */
function readSecretFiles(given: Record<string, string | undefined>): Map<SecretName, string> {
  const files = new Map<SecretName, string>()
  for (const name of SECRETS) {
    const file = given[`${name}_FILE`]
    if (file === undefined) continue
    if (given[name] !== undefined) throw new ConfigError(`${name} and ${name}_FILE: set one of them`)
    given[name] = readSecretFile(name, file)
    files.set(name, file)
  }
  return files
}

function readSecretFile(name: SecretName, file: string): string {
  let content
  try {
    content = readFileSync(file, 'utf8').trim()
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    throw new ConfigError(`${name}_FILE: cannot read ${file} (${code}). Give it to this user, or set ${name}`)
  }
  if (content === '') throw new ConfigError(`${name}_FILE: ${file} is empty`)
  return content
}

function fromProcess(): Record<string, string | undefined> {
  return { ...(existsSync('.env') && parseEnv(readFileSync('.env', 'utf8'))), ...process.env }
}
