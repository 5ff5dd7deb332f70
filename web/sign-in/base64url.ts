/** RFC 4648, section 5, without padding. */
export function toBase64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/** What a token says. It is not verified here: the platform does that. @throws {Error} when it is not a JWT */
export function claimsOf(jwt: string): Record<string, unknown> {
  const [, payload] = jwt.split('.')
  if (payload === undefined) throw new Error('this is not a token')
  const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (letter) =>
    letter.charCodeAt(0),
  )
  return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
}
