import { join } from 'node:path'
import { ConfigError, withSecretsOfNow, type Config } from '../../../shared/config.ts'
import { sharedHandlerKeys, tokenSecrets } from '../../../shared/dev-secrets.ts'
import type { Logger } from '../../../shared/log.ts'
import type { Closable } from '../../../shared/shutdown.ts'
import { watchFiles } from '../../../shared/watch-files.ts'
import { faultOfEvent } from '../../../shared/wire/reserved.ts'
import type { Grants } from '../../seam/session.ts'
import { isOpenFilter } from '../../seam/topic-filter.ts'
import type { Identity } from './authenticate.ts'
import { BackOff } from './back-off.ts'
import { IssuerKeys } from './issuer-keys.ts'
import { TokenClock } from './token-clock.ts'

export interface Secrets {
  tokens: readonly string[]
  handlers: readonly string[]
  grants: ReadonlyMap<string, Grants>
}

/**
 * Reads secrets and rights from the settings, before anything is opened.
 * @throws {ConfigError} when a secret is missing, a grant is not a filter of open topics, or an event name is reserved
 */
export function readSecrets(config: Config): Secrets {
  const grants = new Map(Object.entries(config.HANDLER_GRANTS))
  for (const [group, { pub, sub }] of grants) {
    const wrong = [...pub, ...sub].find((filter) => !isOpenFilter(filter))
    if (wrong !== undefined) throw new ConfigError(`HANDLER_GRANTS: ${group}: ${wrong} is not a filter of open topics`)
  }
  for (const event of config.HANDLER_EVENTS) {
    const fault = faultOfEvent(event)
    if (fault !== undefined) throw new ConfigError(`HANDLER_EVENTS: ${fault}`)
  }
  return { tokens: tokenSecrets(config), handlers: sharedHandlerKeys(config), grants }
}

/**
 * Takes over secrets and keys whose files have changed. Who is logged in stays so: a secret counts when somebody logs in.
 * @throws {ConfigError} when one is wrong; then all stay as they were
 */
export function renewSecrets(identity: Identity, config: Config): void {
  const now = withSecretsOfNow(config)
  const { tokens, handlers } = readSecrets(now)
  identity.sources.secrets = tokens
  identity.keys.shared = handlers
  identity.keys.groups = now.HANDLER_KEYS
}

/** Renews them whenever one of their files has changed. */
export function watchSecrets(identity: Identity, config: Config, log: Logger): Closable {
  return watchFiles(config.secretFiles.values(), () => {
    try {
      renewSecrets(identity, config)
      log.info('read the secrets again')
    } catch (err) {
      log.warn({ reason: (err as Error).message }, 'cannot read the secrets again; the previous ones stay in use')
    }
  })
}

/** Opens everything that authenticates logins, and starts fetching the issuers' keys. */
export function openIdentity(config: Config, secrets: Secrets, log: Logger): Identity {
  const dir = join(config.DATA_DIR, 'broker', 'issuers')
  for (const { issuer, audience } of config.OIDC_ISSUERS) {
    if (audience === undefined)
      log.warn(
        { issuer: issuer[0] },
        'OIDC_ISSUERS: no audience is set for this issuer, so tokens it issued for other apps are accepted too. Set audience',
      )
  }
  return {
    sources: {
      secrets: secrets.tokens,
      issuers: config.OIDC_ISSUERS.map((settings) => new IssuerKeys(settings, dir, log)),
      clock: new TokenClock(),
      maxLength: config.MAX_TOKEN_BYTES,
      tolerance: config.CLOCK_TOLERANCE,
    },
    keys: {
      shared: secrets.handlers,
      groups: config.HANDLER_KEYS,
      grants: secrets.grants,
      backOff: new BackOff(),
    },
  }
}
