/** An OpenID Connect issuer by which people sign in. */
export interface Issuer {
  /** For people. */
  readonly name: string
  readonly issuer: string
  readonly clientId: string
  /** What the platform expects in the token, for issuers that must be told. */
  readonly audience?: string
  /** What to ask for besides what OpenID Connect needs. */
  readonly scope?: string
}

/** What the page knows from its server: `GET /config.json`. */
export interface Config {
  readonly issuers: readonly Issuer[]
  /** Are there ready sign-in links on the console? */
  readonly development: boolean
  readonly vapidPublicKey?: string
}

/** @throws {Error} when the server does not answer */
export async function fetchConfig(): Promise<Config> {
  const response = await fetch('/config.json')
  if (!response.ok) throw new Error(`the server answered ${response.status}`)
  return (await response.json()) as Config
}

export const MQTT_URL = `wss://${location.host}/mqtt`
