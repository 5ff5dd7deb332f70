import { answered, clientFor } from './mongo-client.ts'
import { reasonOf } from './mongo-errors.ts'
import { noSecret, unreadable, type TurnSecrets } from './turn-secrets.ts'

/** coturn's default database, when its `mongo-userdb` names none. */
const DATABASE = 'coturn'
const CONNECTIONS = 4

/**
 * Reads the collection `turn_secret` of coturn's MongoDB, which may be missing. Never changes it. The newest secret is the one with the
 * greatest ObjectId, which coturn's driver makes from the time in seconds (BSON specification, "ObjectId").
 * @throws naming TURN_SECRET_STORE, without its value, when the URL is invalid
 */
export function openMongoTurnSecrets(url: string, realm: string): TurnSecrets {
  const { client, db } = clientFor('TURN_SECRET_STORE', url, DATABASE, CONNECTIONS)
  const secrets = db.collection('turn_secret')

  async function read() {
    await client.connect() // the driver itself connects only once: after a failure it would stay closed
    // `$gt` with a string finds only strings: any other value is not a secret.
    return secrets.findOne({ realm, value: { $gt: '' } }, { sort: { _id: -1 }, projection: { value: 1 } })
  }

  return {
    async newest() {
      const found = await answered(read()).catch((error: unknown) => {
        throw unreadable(reasonOf(error), error)
      })
      return found === null ? noSecret(realm) : String(found['value'])
    },
    close: () => client.close(),
  }
}
