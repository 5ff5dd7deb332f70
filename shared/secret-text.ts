/** A JWT: three parts, of which the first two are JSON objects in base64url. */
const JWT = /\beyJ[\w-]{5,}\.eyJ[\w-]{5,}\.[\w-]*/g
/** Shorter secrets are not hidden: they would hide ordinary words. */
const SHORTEST = 8

const own = new Set<string>()

/** Hides these secrets from all log lines of this process from now on, wherever they appear. */
export function hideFromLogs(secrets: Iterable<string | undefined>): void {
  for (const secret of secrets)
    if (secret !== undefined && secret.length >= SHORTEST) own.add(JSON.stringify(secret).slice(1, -1))
}

/** Removes this process's secrets, and tokens, from a log line in JSON. */
export function withoutSecrets(line: string): string {
  let shown = line.includes('eyJ') ? line.replace(JWT, '[token]') : line
  for (const secret of own) if (shown.includes(secret)) shown = shown.replaceAll(secret, '[hidden]')
  return shown
}
