import type { FetchToken } from '../../client/index.ts'
import { claimsOf } from './base64url.ts'

/** Somebody who is signed in, in this tab: two tabs may be two people. */
export interface Session {
  /** Identifies the user in this browser: what is stored for one is not shown to another. */
  readonly owner: string
  readonly token: FetchToken
  /** Forgets the tokens; may lead to the issuer's page. */
  signOut(): Promise<void>
}

const TOKEN = 'switchboard.token'

/** Takes a token from the address (`#token=…`), where it must not stay: addresses are shared and kept in histories. @returns whether there was one @throws {Error} in words */
export function takeTokenFromAddress(): boolean {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token === null) return false
  history.replaceState(null, '', '/')
  keepToken(token)
  return true
}

/** @throws {Error} in words, when it is no token */
export function keepToken(token: string): void {
  try {
    claimsOf(token)
  } catch {
    throw new Error('This is not a token. A token has three parts with dots between them.')
  }
  sessionStorage.clear() // whoever was signed in here by other means is not any more
  sessionStorage.setItem(TOKEN, token)
}

/** The session of a ready token, if this tab has one. */
export function tokenSession(): Session | undefined {
  const token = sessionStorage.getItem(TOKEN)
  if (token === null) return undefined
  return {
    owner: ownerOf(token),
    token: ({ wasRefused }) => (wasRefused ? undefined : token), // there is no other one to try
    async signOut() {
      sessionStorage.removeItem(TOKEN)
    },
  }
}

export function ownerOf(token: string): string {
  const { iss, sub } = claimsOf(token)
  return `${typeof iss === 'string' ? `${iss} ` : ''}${String(sub)}`
}
