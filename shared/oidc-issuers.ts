import { z } from 'zod'
import { originOf } from './origin.ts'

// The shape of the setting OIDC_ISSUERS: who issues tokens, and what their claims mean.

/** The asymmetric algorithms that jsonwebtoken supports; it does not support EdDSA. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'] as const
/** A placeholder in an issuer's name for the path segment that differs per tenant, as Microsoft Entra writes it. */
export const TENANT = '{tenantid}'

const webUrl = z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
const claimName = z.string().min(1).max(256)
const listed = (value: unknown): unknown => (typeof value === 'string' ? [value] : value)
/** A URL, or a bare host name (Google's `accounts.google.com`). */
const issuerName = z
  .string()
  .refine((name) => /^[A-Za-z0-9.-]+$/.test(name) || webUrl.safeParse(name).success, 'must be an http(s) URL')
  .refine(
    (name) => !/[{}]/.test(name) || /^https?:\/\/[^/{}]+(?:\/[^/{}]+)*\/\{tenantid\}(?:\/[^/{}]*)*$/.test(name),
    `may have ${TENANT} once, as a whole segment of its path`,
  )

const oidcIssuer = z
  .strictObject({
    /** The exact `iss` of its tokens; a list when the issuer uses several names. */
    issuer: z.preprocess(listed, z.array(issuerName).min(1).max(20)),
    /** The tenants accepted when the name holds `{tenantid}`; by default all. */
    tenants: z
      .array(z.string().regex(/^[A-Za-z0-9-][A-Za-z0-9.-]*$/, 'must be a tenant id'))
      .min(1)
      .optional(),
    /** The URL of its keys, or, as `discovery`, of its discovery document. By default below the issuer's own URL. */
    jwks_uri: webUrl.optional(),
    discovery: webUrl.optional(),
    /** The token's audience must hold one of these; by default any audience is accepted. */
    audience: z.preprocess(listed, z.array(z.string().min(1)).min(1).optional()),
    /** The claim that names the audience: `client_id` in Cognito's access tokens. */
    audience_claim: claimName.default('aud'),
    /** The claims for the user, the role and the display name: a name, or a path such as `realm_access.roles`. */
    user_claim: claimName.default('sub'),
    role_claim: claimName.default('role'),
    name_claim: claimName.default('name'),
    /** What the web page needs to sign users in here; without it, the page does not offer this issuer. */
    web: z
      .strictObject({
        /** A public client with PKCE, whose redirect URI is the page. */
        client_id: z.string().min(1).max(256),
        /** For the button; by default the issuer's host. */
        name: z.string().min(1).max(64).optional(),
        /** To ask for beside `openid profile`. */
        scope: z.string().min(1).max(1_024).optional(),
        /** Where its endpoints are, if not at the issuer's own origin. */
        origins: z
          .array(z.string().refine((one) => isWebOrigin(one), 'must be an origin: https://host[:port]'))
          .max(20)
          .default([]),
      })
      .optional(),
    algorithms: z.array(z.enum(ALGORITHMS)).min(1).default(['RS256', 'ES256']),
    /** The prefix of its users' ids, so that equal subjects of two issuers are different users. */
    alias: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,32}$/, 'must be 1 to 32 letters, digits and hyphens')
      .optional(),
  })
  .superRefine((settings, context) => {
    const { issuer, tenants, jwks_uri, discovery, audience, audience_claim, web } = settings
    const say = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message })
    const isElsewhere = jwks_uri !== undefined || discovery !== undefined
    const [first = ''] = issuer
    if (!isElsewhere && (first.includes(TENANT) || !webUrl.safeParse(first).success)) {
      say('issuer', 'must begin with a URL to ask for keys; or set jwks_uri or discovery')
    }
    const patterns = issuer.filter((name) => name.includes(TENANT)).length
    if (patterns > 0 && patterns < issuer.length) say('issuer', `must have ${TENANT} in all of its names, or in none`)
    if (tenants && patterns === 0) say('tenants', `needs an issuer with ${TENANT}`)
    if (audience === undefined && audience_claim !== 'aud') say('audience', 'must be set where audience_claim is')
    if (web && pageIssuer(settings) === undefined) {
      say('web', `needs an issuer with a URL, and one tenant in tenants where it has ${TENANT}`)
    }
  })
export type OidcIssuer = z.output<typeof oidcIssuer>
export const oidcIssuers = z.array(oidcIssuer)

/** The issuer's URL for the page, which looks for the discovery document below it; undefined when there is no such URL. */
export function pageIssuer({ issuer, tenants }: Pick<OidcIssuer, 'issuer' | 'tenants'>): string | undefined {
  const url = issuer.find((name) => webUrl.safeParse(name).success)
  if (!url?.includes(TENANT)) return url
  return tenants?.length === 1 ? url.replace(TENANT, tenants[0]!) : undefined
}

function isWebOrigin(text: string): boolean {
  return /^https?:/.test(text) && originOf(text) === text
}

/** Checks that a token alone decides which user its subject means. Returns what is wrong, if anything. */
export function faultOfIssuers(issuers: readonly OidcIssuer[], hasSecret: boolean): string | undefined {
  const aliases = [...(hasSecret ? [undefined] : []), ...issuers.map(({ alias }) => alias)]
  const isDoubled = (all: unknown[]): boolean => new Set(all).size < all.length
  if (isDoubled(issuers.flatMap(({ issuer }) => issuer))) return 'names an issuer twice'
  if (isDoubled(aliases.filter((alias) => alias !== undefined))) return 'gives two issuers one alias'
  if (isDoubled(aliases)) return 'all sources of tokens but one need an alias; SECRET is a source and has none'
  return undefined
}
