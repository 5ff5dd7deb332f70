import { signal } from '@preact/signals'

// The operators' API (docs/operate/api.md). The token is in this tab's memory and session storage, and goes out as a header alone.

const KEY = 'switchboard.console.token'

export const token = signal<string | undefined>(sessionStorage.getItem(KEY) ?? undefined)

/** Why the token was refused last, in words. */
export const refusal = signal<string | undefined>(undefined)

export function signIn(text: string): void {
  sessionStorage.setItem(KEY, text)
  refusal.value = undefined
  token.value = text
}

export function signOut(why?: string): void {
  sessionStorage.removeItem(KEY)
  refusal.value = why
  token.value = undefined
}

/** Takes the token out of a link, so that neither the address nor the history keeps it. */
export function takeTokenFromAddress(): void {
  const [, found] = /^#token=([^&]+)/.exec(location.hash) ?? []
  if (found === undefined) return
  history.replaceState(null, '', location.pathname)
  signIn(decodeURIComponent(found))
}

export class Failed extends Error {}

async function answerOf(response: Response): Promise<Response> {
  if (response.ok) return response
  const { error } = (await response.json().catch(() => ({}))) as { error?: { message: string } }
  const words = error?.message ?? `the broker answers ${response.status}`
  if (response.status === 401) signOut(words)
  throw new Failed(words)
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...(init.headers as object), authorization: `Bearer ${token.value ?? ''}` }
  const response = await fetch(path, { ...init, headers }).catch((err: unknown) => {
    if (init.signal?.aborted) throw err
    throw new Failed('The broker cannot be reached.')
  })
  return answerOf(response)
}

type Query = Record<string, string | undefined>

/** A path with the fields of the query that are filled in. */
function withQuery(path: string, query: Query): string {
  const given = Object.entries(query).filter((one): one is [string, string] => !!one[1])
  const search = new URLSearchParams(given).toString()
  return search ? `${path}?${search}` : path
}

export async function get<Answer>(path: string, query: Query = {}): Promise<Answer> {
  return (await (await ask(withQuery(path, query))).json()) as Answer
}

export async function post<Answer>(path: string, body: object = {}): Promise<Answer> {
  const headers = { 'content-type': 'application/json' }
  return (await (await ask(path, { method: 'POST', headers, body: JSON.stringify(body) })).json()) as Answer
}

/** Follows a stream of server-sent events until it is aborted. @throws {Failed} when it cannot be followed */
export async function follow(
  path: string,
  query: Query,
  signal: AbortSignal,
  heard: (event: string, data: unknown) => void,
): Promise<void> {
  const response = await ask(withQuery(path, query), { signal })
  const reader = response.body!.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) throw new Failed('The broker ended the tail.')
    const parts = (rest + decoder.decode(value, { stream: true })).split('\n\n')
    rest = parts.pop()!
    for (const part of parts) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? []
      if (event !== undefined) heard(event, JSON.parse(data!))
    }
  }
}
