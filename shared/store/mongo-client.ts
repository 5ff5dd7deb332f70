import {
  type Db,
  type Document as Bson,
  MongoClient,
  type MongoClientOptions,
  MongoServerError,
  ServerType,
  type TopologyDescription,
} from 'mongodb'
import type { Logger } from '../log.ts'
import { inTime } from './in-time.ts'
import { errorFor, isAway, reasonOf } from './mongo-errors.ts'

/** Milliseconds in which one operation must be answered, whatever the driver tries meanwhile; then it is put off. */
export const DEADLINE = 8_000
export const LATE = 'MongoDB did not answer'
const PAUSE = 500
const DATABASE = 'switchboard'
const AUTHENTICATION_FAILED = 18

/** How the driver is to talk to the servers; these go before what the URL says. `connections` at a time, at most. */
function optionsFor(connections: number): MongoClientOptions {
  return {
    // A change that was answered is on the disks of a majority: no fail-over takes it back.
    writeConcern: { w: 'majority', journal: true },
    // What a handler decides by cannot be taken back either. The primary alone has read what was just written.
    readConcern: { level: 'majority' },
    readPreference: 'primary',
    // Once more when the connection breaks or the primary changes; the server knows a write by its number, so it is done once.
    retryWrites: true,
    retryReads: true,
    // A fail-over takes some 10 s. Who waits longer than this gives way to the broker, which keeps the command at no cost.
    serverSelectionTimeoutMS: 5_000,
    // Of a handshake and of the driver's look at a server: slow servers take several trips of 2 s.
    connectTimeoutMS: 10_000,
    // A connection whose server stands still is given up after this; the operation itself has been, at DEADLINE.
    socketTimeoutMS: 20_000,
    // As many operations run at a time as commands are held, each of which waits for one at a time.
    maxPoolSize: connections,
    waitQueueTimeoutMS: 5_000,
    // Connections that a peak has left are given back to the server.
    maxIdleTimeMS: 60_000,
    // A server that has gone is noticed, and one that is back is used, within so much without any operation. Default 10 s.
    heartbeatFrequencyMS: 5_000,
    appName: 'switchboard',
  }
}

/** The connections to a MongoDB, and whether it is there. */
export interface MongoLink {
  readonly db: Db
  /**
   * Does one operation.
   * @throws {Unavailable} when it is not answered in time, or MongoDB is away; it may have been done none the less
   */
  ask<T>(work: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

/**
 * Connects, and waits for a server as long as it takes, with a line in the log.
 * @param hear gets each command as it is sent; it shows what users wrote
 * @throws when the URL is none, or the server refuses its credentials
 */
export async function openMongoLink(
  url: string,
  log: Logger,
  connections: number,
  hear?: (command: Bson) => void,
): Promise<MongoLink> {
  const client = clientFor('MONGODB_URL', url, connections, hear !== undefined)
  let isOpen = true
  let awaySince: number | undefined

  function gone(reason: string): void {
    if (awaySince !== undefined || !isOpen) return
    awaySince = performance.now()
    log.warn({ reason }, 'MongoDB is away, commands wait')
  }
  function back(): void {
    if (awaySince === undefined || !isOpen) return
    log.info({ afterMs: Math.round(performance.now() - awaySince) }, 'MongoDB is back')
    awaySince = undefined
  }

  async function ask<T>(work: () => Promise<T>): Promise<T> {
    if (!isOpen) throw new Error('the store is closed')
    const began = performance.now()
    try {
      const answer = await inTime(DEADLINE, work(), LATE)
      if (awaySince !== undefined && began > awaySince) back()
      return answer
    } catch (error) {
      if (!isOpen) throw new Error('the store is closed', { cause: error })
      if (isAway(error)) gone(reasonOf(error))
      throw errorFor(error)
    }
  }

  client.on('topologyDescriptionChanged', ({ previousDescription, newDescription }) => {
    const [before, now] = [hasPrimary(previousDescription), hasPrimary(newDescription)]
    if (before && !now) gone(reasonIn(newDescription))
    if (!before && now) back()
  })

  if (hear) client.on('commandStarted', ({ command }) => hear(command))

  const link: MongoLink = {
    db: client.db(databaseOf(url) ?? DATABASE),
    ask,
    async close() {
      if (!isOpen) return
      isOpen = false
      await client.close()
    },
  }
  for (;;) {
    try {
      await inTime(DEADLINE, client.connect(), LATE)
      await inTime(DEADLINE, link.db.command({ ping: 1 }), LATE)
      back()
      return link
    } catch (error) {
      if (!isNotThere(error)) {
        await client.close()
        throw wrongUrl('MONGODB_URL', error)
      }
      gone(reasonOf(error))
      await new Promise((resolve) => setTimeout(resolve, PAUSE))
    }
  }
}

/**
 * A client that connects when it is first asked.
 * @throws naming the setting, without its value, when the URL is none
 */
export function clientFor(setting: string, url: string, connections: number, monitorCommands = false): MongoClient {
  try {
    return new MongoClient(url, { ...optionsFor(connections), monitorCommands })
  } catch (error) {
    throw wrongUrl(setting, error)
  }
}

// The driver's reasons show nothing of the URL but its hosts; what causes them might.
function wrongUrl(setting: string, error: unknown): Error {
  return new Error(`${setting}: ${reasonOf(error)}`)
}

/** The database that the URL names behind its hosts. */
export function databaseOf(url: string): string | undefined {
  const name = /^mongodb(?:\+srv)?:\/\/[^/?]*\/([^?]+)/.exec(url)?.[1]
  return name === undefined ? undefined : decodeURIComponent(name)
}

/** At the start: may it be there later? Refused credentials will be refused again. */
function isNotThere(error: unknown): boolean {
  return isAway(error) && !(error instanceof MongoServerError && error.code === AUTHENTICATION_FAILED)
}

const PRIMARIES = new Set<ServerType>([
  ServerType.Standalone,
  ServerType.RSPrimary,
  ServerType.Mongos,
  ServerType.LoadBalancer,
])

function hasPrimary({ servers }: TopologyDescription): boolean {
  return [...servers.values()].some(({ type }) => PRIMARIES.has(type))
}

function reasonIn({ servers }: TopologyDescription): string {
  const errors = [...servers.values()].flatMap(({ error }) => (error ? [reasonOf(error)] : []))
  return errors[0] ?? 'no server takes writes'
}
