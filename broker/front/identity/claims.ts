/** A token's payload. */
export type Claims = Readonly<Record<string, unknown>>

/**
 * Finds a claim by its name or path. The exact name wins, since names may hold dots (`https://app.example/roles`); otherwise each
 * dot may lead into an object: `realm_access.roles`, `resource_access.my.app.roles`.
 */
export function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
    const head = path.slice(0, dot)
    const inner = Object.hasOwn(claims, head) ? claims[head] : undefined
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) continue
    const found = claimAt(inner as Claims, path.slice(dot + 1))
    if (found !== undefined) return found
  }
  return undefined
}

/** Is the claim one of these strings, or a list that holds one of them? */
export function holdsOneOf(claim: unknown, wanted: readonly string[]): boolean {
  return [claim].flat().some((one) => typeof one === 'string' && wanted.includes(one))
}

const MAX_SHOWN = 200

/** Text from an unverified token, made safe for a log line: cut to a maximum length, control and invisible characters escaped. */
export function shown(text: string): string {
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
  return `"${cut.replace(/["\\\p{C}\p{Zl}\p{Zp}]/gu, (char) =>
    /["\\]/.test(char) ? `\\${char}` : `\\u{${char.codePointAt(0)!.toString(16)}}`,
  )}"`
}
