import { isMongoUrl, withSecretsOfNow, type Config } from '../shared/config.ts'
import type { HandlerSettings } from '../shared/runtime/command.ts'
import { closeAll, type Closable } from '../shared/shutdown.ts'
import { watchFiles } from '../shared/watch-files.ts'
import { hideFromLogs } from '../shared/secret-text.ts'
import { openMongoTurnSecrets } from '../shared/store/mongo-turn-secrets.ts'
import { openSqliteTurnSecrets } from '../shared/store/sqlite-turn-secrets.ts'
import type { TurnSecrets } from '../shared/store/turn-secrets.ts'
import { turnPassword } from './turn-password.ts'

type TurnSettings = NonNullable<HandlerSettings['turn']>

/** The TURN settings for handlers; undefined when TURN is not set up. The secrets stay here: handlers can only have a username signed. */
export function openTurn(config: Config): (TurnSettings & Closable) | undefined {
  const { TURN_URIS: uris, TURN_SECRET, TURN_SECRET_STORE: place, TURN_REALM: realm } = config
  if (uris.length === 0 || (place ?? TURN_SECRET) === undefined) return undefined
  const store = place === undefined ? undefined : openTurnSecrets(place, realm)
  let first = TURN_SECRET?.[0]
  const file = config.secretFiles.get('TURN_SECRET')
  const watch = watchFiles(file === undefined ? [] : [file], () => {
    try {
      const now = withSecretsOfNow(config).TURN_SECRET ?? []
      hideFromLogs(now)
      first = now[0] ?? first
    } catch {
      // The file is being replaced, or is wrong: the secret of before signs on.
    }
  })
  const secret = async () => store?.newest() ?? first!
  return {
    uris,
    ttl: config.TURN_TTL,
    perHour: config.TURN_CREDENTIALS_PER_USER,
    password: async (username) => turnPassword(await secret(), username),
    close: () => closeAll([watch, ...(store ? [store] : [])]),
  }
}

function openTurnSecrets(place: string, realm: string): TurnSecrets {
  return isMongoUrl(place) ? openMongoTurnSecrets(place, realm) : openSqliteTurnSecrets(place, realm)
}
