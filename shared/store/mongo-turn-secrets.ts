import { answered, clientFor } from './mongo-client.ts'
import { reasonOf } from './mongo-errors.ts'
import { noSecret, unreadable, type TurnSecrets } from './turn-secrets.ts'

/** What coturn takes when its `mongo-userdb` names none. */
const DATABASE = 'coturn'
const CONNECTIONS = 4

/**
 * Reads the collection `turn_secret` of coturn's MongoDB, which need not be there yet. It is only read. What came last is what has
 * the greatest ObjectId: coturn's driver makes them, by the second (BSON specification, "ObjectId").
 * @throws naming TURN_SECRET_STORE, without its value, when the URL is none
 */
export function openMongoTurnSecrets(url: string, realm: string): TurnSecrets {
  const { client, db } = clientFor('TURN_SECRET_STORE', url, DATABASE, CONNECTIONS)
  const secrets = db.collection('turn_secret')

  async function read() {
    await client.connect() // by itself it connects but once, and whoever comes after a failure finds it closed
    // `$gt` of a string means strings only, so that what holds something else is no secret.
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
