import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { ConfigError, requireInProduction, type Config } from './config.ts'
import { dialled } from './dial.ts'
import { dataFolder, fileFault } from './file-fault.ts'

// Missing secrets and certificates are generated once, in DATA_DIR/dev. Several processes that start at once use the same ones.

export interface Tls {
  cert: string
  key: string
}

/**
 * The HS256 secrets; the first one signs. Empty when all tokens come from issuers: in production without SECRET, and when an issuer
 * has no alias.
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
  if (secret === undefined)
    throw new ConfigError(
      'SECRET is not set, so there is nothing to sign a token with: get one from an issuer of OIDC_ISSUERS, or set SECRET',
    )
  return secret
}

/** The shared handler keys; empty in production when only HANDLER_KEYS is set. */
export function sharedHandlerKeys(config: Config): string[] {
  if (config.HANDLER_KEY) return config.HANDLER_KEY
  if (config.production && config.HANDLER_KEYS.size > 0) return []
  requireInProduction(config, ['HANDLER_KEY'])
  return [generated(config, 'handler-key')]
}

/**
 * The certificate and key in PEM, from TLS_CERT and TLS_KEY, or generated for localhost and HOST.
 * @throws {ConfigError} when a file cannot be read, or the key does not belong to the certificate
 */
export async function tlsFiles(config: Config): Promise<Tls> {
  requireInProduction(config, ['TLS_CERT', 'TLS_KEY'])
  if (config.TLS_CERT && config.TLS_KEY) {
    const [cert, key] = [readPem('TLS_CERT', config.TLS_CERT), readPem('TLS_KEY', config.TLS_KEY)]
    mustFit(new X509Certificate(cert), key, config)
    return { cert, key }
  }
  const file = join(dataFolder(config, 'dev'), `tls${suffixOf(config)}.pem`)
  const pem = readIfThere(file) ?? once(file, await selfSigned(config.HOST))
  const at = pem.indexOf('-----BEGIN CERTIFICATE')
  if (at < 1) throw damagedFile(file)
  const cert = pem.slice(at)
  once(devCertFile(config), cert)
  return { cert, key: pem.slice(0, at) }
}

/** The file of the generated certificate, for clients. */
export function devCertFile(config: Config): string {
  return join(config.DATA_DIR, 'dev', `tls-cert${suffixOf(config)}.pem`)
}

/**
 * Reads a PEM file that a setting names: a private key for TLS_KEY, a certificate for all others.
 * @throws {ConfigError} when it cannot be read, or holds something else
 */
export function readPem(setting: string, file: string): string {
  let pem
  try {
    pem = readFileSync(file, 'utf8')
  } catch (err) {
    throw fileFault(setting, file, err, 'read')
  }
  const isKey = setting === 'TLS_KEY'
  try {
    if (isKey) createPrivateKey(pem)
    else void new X509Certificate(pem)
    return pem
  } catch {
    const wanted = isKey ? 'private key without a passphrase' : 'certificate'
    throw new ConfigError(`${setting}: ${file} does not hold a ${wanted} in PEM`)
  }
}

function mustFit(cert: X509Certificate, key: string, { TLS_CERT, TLS_KEY }: Config): void {
  if (cert.checkPrivateKey(createPrivateKey(key))) return
  throw new ConfigError(`TLS_CERT and TLS_KEY: the key in ${TLS_KEY} does not belong to the certificate in ${TLS_CERT}`)
}

function generated(config: Config, name: string): string {
  const file = join(dataFolder(config, 'dev'), name)
  const secret = readIfThere(file) ?? once(file, randomBytes(32).toString('base64url'))
  if (!/^[\w-]{43}$/.test(secret)) throw damagedFile(file) // such as empty, after a power failure
  return secret
}

function damagedFile(file: string): ConfigError {
  return new ConfigError(`DATA_DIR: ${file} is damaged; remove it, and the next start generates a new one`)
}

/** Hosts for which every generated certificate is valid. */
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Each HOST has its own files, so that files in use for another HOST are never replaced. */
function suffixOf({ HOST }: Config): string {
  const host = dialled(HOST)
  return LOOPBACK.has(host) ? '' : `-${host.replace(/[^A-Za-z0-9.-]/g, '_')}`
}

async function selfSigned(host: string): Promise<string> {
  const names = [
    { type: 2, value: 'localhost' },
    { type: 7, ip: '127.0.0.1' },
    { type: 7, ip: '::1' },
    ...(LOOPBACK.has(dialled(host))
      ? []
      : [isIP(host) ? ({ type: 7, ip: host } as const) : ({ type: 2, value: host } as const)]),
  ] as const
  const { generate } = await import('selfsigned') // a hundred modules, which a start with a certificate does not need
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + 825 * 86_400_000), // the longest that browsers accept
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [...names] },
    ],
  })
  return `${made.private.trim()}\n${made.cert.trim()}\n`
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw fileFault('DATA_DIR', file, err, 'read')
  }
}

/** Stores a file atomically, unless another process was first. Returns the file's content then. */
function once(file: string, content: string): string {
  const mine = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    writeFileSync(mine, content, { mode: 0o600 })
    linkSync(mine, file)
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw fileFault('DATA_DIR', file, err, 'write')
  } finally {
    rmSync(mine, { force: true })
  }
  return readFileSync(file, 'utf8')
}
