import type { Config } from '../../../shared/config.ts'
import { pageIssuer, type OidcIssuer } from '../../../shared/oidc-issuers.ts'

/** What the page learns from `/config.json`. */
export interface PageFacts {
  /** Where users can sign in. */
  issuers: {
    /** For the button. */
    name: string
    /** The URL below which its discovery document is. */
    issuer: string
    clientId: string
    /** To ask a token for, where the issuer wants to be asked. */
    audience?: string
    /** Beside what OpenID Connect needs. */
    scope?: string
  }[]
  /** Development tokens are accepted in the link. */
  development: boolean
  /** For push subscriptions, where push is set up. */
  vapidPublicKey?: string
}

export function pageFacts(config: Config): PageFacts {
  return {
    issuers: config.OIDC_ISSUERS.flatMap((issuer) => factsOf(issuer) ?? []),
    development: !config.production,
    ...(config.VAPID_PUBLIC_KEY !== undefined && { vapidPublicKey: config.VAPID_PUBLIC_KEY }),
  }
}

function factsOf(settings: OidcIssuer): PageFacts['issuers'][number] | undefined {
  const { web, audience, audience_claim } = settings
  const issuer = pageIssuer(settings)
  if (!web || issuer === undefined) return undefined
  const [wanted] = audience_claim === 'aud' ? (audience ?? []) : []
  return {
    name: web.name ?? new URL(issuer).hostname,
    issuer,
    clientId: web.client_id,
    ...(wanted !== undefined && { audience: wanted }),
    ...(web.scope !== undefined && { scope: web.scope }),
  }
}

/** The origins that the page may contact: those of the issuers at which users sign in. */
export function issuerOrigins({ OIDC_ISSUERS }: Config): string[] {
  const all = OIDC_ISSUERS.flatMap((settings) => {
    const issuer = settings.web && pageIssuer(settings)
    return issuer === undefined ? [] : [new URL(issuer).origin, ...settings.web!.origins]
  })
  return [...new Set(all)]
}
