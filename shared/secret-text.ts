/** A JWT: three parts, of which the first two are JSON objects in base64url. */
const JWT = /\beyJ[\w-]{5,}\.eyJ[\w-]{5,}\.[\w-]*/g
/** A shorter one would hide ordinary words. */
const SHORTEST = 8

const own = new Set<string>()

/** Secrets of this process, which none of its log lines may show from now on, wherever they stand in it. */
export function hideFromLogs(secrets: Iterable<string | undefined>): void {
  for (const secret of secrets)
    if (secret !== undefined && secret.length >= SHORTEST) own.add(JSON.stringify(secret).slice(1, -1))
}

/** A log line, as JSON, without this process's secrets and without tokens. */
export function withoutSecrets(line: string): string {
  let shown = line.includes('eyJ') ? line.replace(JWT, '[token]') : line
  for (const secret of own) if (shown.includes(secret)) shown = shown.replaceAll(secret, '[hidden]')
  return shown
}
