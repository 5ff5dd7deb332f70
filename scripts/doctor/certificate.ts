import { X509Certificate } from 'node:crypto'
import type { Config } from '../../shared/config.ts'
import { readPem, tlsFiles } from '../../shared/dev-secrets.ts'
import { sayOf, type Finding } from './finding.ts'

const { ok, warning, wrong } = sayOf('certificate')
const DAY = 86_400_000
/** Days before its end from which a certificate should have been renewed. */
const SOON = 21

/** Is there a certificate, does its key fit, is it valid now and for a while, and for which names? */
export async function checkCertificate(config: Config, now = Date.now()): Promise<Finding[]> {
  if (config.TLS_CERT === undefined) {
    if (!config.production) return [ok('development: generated in DATA_DIR/dev at the first start')]
    return [wrong('TLS_CERT and TLS_KEY are not set', 'Set both to PEM files; production generates none')]
  }
  let cert
  try {
    cert = new X509Certificate(readPem('TLS_CERT', config.TLS_CERT))
    await tlsFiles(config)
  } catch (err) {
    return [wrong((err as Error).message, 'Set TLS_CERT and TLS_KEY to a certificate chain and its own private key')]
  }
  const [from, until] = [Date.parse(cert.validFrom), Date.parse(cert.validTo)]
  const found: Finding[] = []
  const days = Math.floor((until - now) / DAY)
  const renew = 'Renew it; the broker reads the new files by itself, and nobody is disconnected'
  if (now < from) found.push(wrong(`it is valid from ${cert.validFrom} only`, 'Check the clock, or issue it again'))
  else if (days < 0) found.push(wrong(`it ended on ${cert.validTo}: clients refuse it`, renew))
  else if (days < SOON) found.push(warning(`it ends in ${days} days, on ${cert.validTo}`, renew))
  else found.push(ok(`valid until ${cert.validTo}`))
  const names = cert.subjectAltName
  if (names === undefined)
    found.push(
      wrong('it names no host (subjectAltName): clients refuse it', 'Issue it for the names by which clients connect'),
    )
  else found.push(ok(`for ${names}`), ...fitsBrokerUrl(cert, config))
  return found
}

function fitsBrokerUrl(cert: X509Certificate, { BROKER_URL }: Config): Finding[] {
  if (BROKER_URL === undefined) return []
  const host = new URL(BROKER_URL).hostname.replace(/^\[(.*)\]$/, '$1')
  if (cert.checkHost(host) ?? cert.checkIP(host)) return []
  return [
    wrong(
      `it is not for ${host}, which BROKER_URL names: handlers refuse it`,
      'Add that name to it, or change BROKER_URL',
    ),
  ]
}
