import { TENANT, type OidcIssuer } from '../../../shared/oidc-issuers.ts'
import { shown } from './claims.ts'

type Names = Pick<OidcIssuer, 'issuer' | 'tenants'>

/** An issuer, with the name by which a token calls it. */
export interface Named<Issuer> {
  issuer: Issuer
  /** `iss`, exactly as in the token. */
  name: string
  /** The tenant in the name, where the settings say `{tenantid}`. */
  tenant?: string
}

/** Finds the issuer that a token names. A literal name in the settings takes precedence over one with `{tenantid}`. */
export function issuerNamed<Issuer extends { settings: Names }>(
  name: string,
  issuers: readonly Issuer[],
): Named<Issuer> | undefined {
  const exact = name.includes(TENANT) ? undefined : issuers.find(({ settings }) => settings.issuer.includes(name))
  if (exact) return { issuer: exact, name }
  for (const issuer of issuers) {
    const { tenants } = issuer.settings
    for (const pattern of issuer.settings.issuer) {
      const tenant = tenantOf(pattern, name)
      if (tenant !== undefined && (tenants?.includes(tenant) ?? true)) return { issuer, name, tenant }
    }
  }
  return undefined
}

/** The text in the place of `{tenantid}`: one path segment, only ever compared, never fetched. */
function tenantOf(pattern: string, name: string): string | undefined {
  const [before, after] = pattern.split(TENANT)
  if (after === undefined || !name.startsWith(before!) || !name.endsWith(after)) return undefined
  const tenant = name.slice(before!.length, name.length - after.length)
  return /^[A-Za-z0-9-][A-Za-z0-9.-]{0,127}$/.test(tenant) ? tenant : undefined
}

/** A log text saying that this issuer is not configured, with a hint when one of nearly that name is. */
export function unknownIssuer(name: unknown, issuers: readonly { settings: Names }[]): string {
  if (typeof name !== 'string') return 'iss is not a string'
  const plain = (text: string): string => text.replace(/\/+$/, '').toLowerCase()
  const meant = issuers.flatMap(({ settings }) => settings.issuer).find((own) => plain(own) === plain(name))
  const hint =
    meant === undefined ? '' : `; OIDC_ISSUERS has ${shown(meant)}, which differs only by a final slash or by case`
  return `issuer ${shown(name)} is not in OIDC_ISSUERS${hint}`
}
