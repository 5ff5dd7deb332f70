import type { Config } from '../shared/config.ts'
import type { HandlerSettings } from '../shared/runtime/command.ts'
import type { Closable } from '../shared/shutdown.ts'
import { openTurnSecrets } from '../shared/store/turn-secrets.ts'
import { turnPassword } from '../shared/turn-password.ts'

type TurnSettings = NonNullable<HandlerSettings['turn']>

/** What the settings say of TURN, undefined where it is not set up. The secrets stay here; handlers can have a name signed. */
export function openTurn(config: Config): (TurnSettings & Closable) | undefined {
  const { TURN_URIS: uris, TURN_SECRET, TURN_SECRET_STORE: file, TURN_REALM: realm } = config
  const store = file === undefined ? undefined : openTurnSecrets(file, realm)
  const secret = store ? () => store.newest() : TURN_SECRET && (() => TURN_SECRET[0]!)
  if (uris.length === 0 || !secret) return undefined
  return {
    uris,
    ttl: config.TURN_TTL,
    perHour: config.TURN_CREDENTIALS_PER_USER,
    password: async (username) => turnPassword(secret(), username),
    close: async () => store?.close(),
  }
}
