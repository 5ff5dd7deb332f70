import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { ConfigError, requireInProduction, type Config } from './config.ts'

// What a fresh machine lacks is made once, under DATA_DIR/dev; several processes may start at once and agree.

export interface Tls {
  cert: string
  key: string
}

/**
 * The HS256 secrets, first one signs. None when tokens come from issuers alone: in production without SECRET, and wherever an
 * issuer's users have their ids without an alias.
 */
export function tokenSecrets(config: Config): string[] {
  if (config.SECRET) return config.SECRET
  const issuers = config.OIDC_ISSUERS
  if (issuers.some(({ alias }) => alias === undefined) || (config.production && issuers.length > 0)) return []
  requireInProduction(config, ['SECRET'])
  return [generated(config, 'secret')]
}

/** @throws {ConfigError} when there is no secret to sign with */
export function signingSecret(config: Config): string {
  const [secret] = tokenSecrets(config)
  if (secret === undefined) throw new ConfigError('SECRET: is not set, so tokens come from OIDC_ISSUERS alone')
  return secret
}

/** The shared handler keys; none in production when only HANDLER_KEYS are set. */
export function sharedHandlerKeys(config: Config): string[] {
  if (config.HANDLER_KEY) return config.HANDLER_KEY
  if (config.production && config.HANDLER_KEYS.size > 0) return []
  requireInProduction(config, ['HANDLER_KEY'])
  return [generated(config, 'handler-key')]
}

/** Certificate and key in PEM, from TLS_CERT and TLS_KEY or made for localhost. */
export async function tlsFiles(config: Config): Promise<Tls> {
  requireInProduction(config, ['TLS_CERT', 'TLS_KEY'])
  if (config.TLS_CERT && config.TLS_KEY) {
    return { cert: readPem('TLS_CERT', config.TLS_CERT), key: readPem('TLS_KEY', config.TLS_KEY) }
  }
  const file = join(devDir(config), 'tls.pem')
  const pem = readIfThere(file) ?? once(file, await selfSigned())
  const at = pem.indexOf('-----BEGIN CERTIFICATE')
  const cert = pem.slice(at)
  once(devCertFile(config), cert)
  return { cert, key: pem.slice(0, at) }
}

/** Where clients find the certificate that was made for this machine. */
export function devCertFile(config: Config): string {
  return join(config.DATA_DIR, 'dev', 'tls-cert.pem')
}

/** Reads a PEM file that a setting names. */
export function readPem(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (err) {
    throw new ConfigError(`${setting}: cannot read the file it names (${(err as NodeJS.ErrnoException).code})`)
  }
}

function generated(config: Config, name: string): string {
  const file = join(devDir(config), name)
  return readIfThere(file) ?? once(file, randomBytes(32).toString('base64url'))
}

async function selfSigned(): Promise<string> {
  const names = [
    { type: 2, value: 'localhost' },
    { type: 7, ip: '127.0.0.1' },
    { type: 7, ip: '::1' },
  ] as const
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + 825 * 86_400_000), // what browsers accept at most
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [...names] },
    ],
  })
  return `${made.private.trim()}\n${made.cert.trim()}\n`
}

function devDir(config: Config): string {
  const dir = join(config.DATA_DIR, 'dev')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  return dir
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw err
  }
}

/** Stores a file unless another process was first, whole or not at all; returns what it holds then. */
function once(file: string, content: string): string {
  const mine = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  writeFileSync(mine, content, { mode: 0o600 })
  try {
    linkSync(mine, file)
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err
  } finally {
    rmSync(mine)
  }
  return readFileSync(file, 'utf8')
}
