import {
  type Db,
  type DbOptions,
  type Document as Bson,
  MongoClient,
  type MongoClientOptions,
  MongoServerError,
  ReadConcern,
  type ServerDescription,
  ServerType,
  type TopologyDescription,
} from 'mongodb'
import type { Logger } from '../log.ts'
import { Unavailable } from '../wire/refusal.ts'
import { inTime } from './in-time.ts'
import { openFence } from './mongo-fence.ts'
import { errorFor, isAway, reasonIn, reasonOf } from './mongo-errors.ts'

/** Milliseconds for one operation, with all of the driver's retries; beyond, it rejects with `Unavailable`. */
export const DEADLINE = 8_000
/** Milliseconds that operations from before a change of the primary have to be answered by the new one. */
const MOVING = 2_000
const MOVED = 'MongoDB has another primary'
const PAUSE = 500
/** The database when the URL names none. */
export const DATABASE = 'switchboard'
const AUTHENTICATION_FAILED = 18

/** The store's promises depend on these. Also set on the database, because the driver merges a client's options with the URL's. */
const PROMISED: DbOptions = {
  // An acknowledged change is on the disks of a majority: no fail-over undoes it.
  writeConcern: { w: 'majority', journal: true },
  // What a handler reads cannot be undone either, and only the primary surely has what was just written.
  readConcern: new ReadConcern('majority'),
  readPreference: 'primary',
}

/** @throws {Unavailable} when it is not answered by the deadline; it may have been done all the same */
export const answered = <T>(work: Promise<T>): Promise<T> => inTime(DEADLINE, work, 'MongoDB did not answer')

/** The driver's options, which take precedence over the URL's. `connections`: the most at a time. */
function optionsFor(connections: number): MongoClientOptions {
  return {
    ...PROMISED,
    // One retry when the connection breaks or the primary changes; the server recognises a write by its number, so it is done once.
    retryWrites: true,
    retryReads: true,
    // A fail-over takes some 10 s. After this time the command goes back to the broker, which keeps it at no cost.
    serverSelectionTimeoutMS: 5_000,
    // For a handshake and the driver's server checks: with slow servers these take several round trips of 2 s.
    connectTimeoutMS: 10_000,
    // A connection to a hanging server is closed after this; the operation itself has been given up at DEADLINE.
    socketTimeoutMS: 20_000,
    // About as many operations run at a time as commands are held: each command waits for one, or for the few parts of a page.
    maxPoolSize: connections,
    waitQueueTimeoutMS: 5_000,
    // Connections left over from a peak are closed.
    maxIdleTimeMS: 60_000,
    // A lost server is noticed, and a returned one is used, within this time even without operations. Default 10 s.
    heartbeatFrequencyMS: 5_000,
    appName: 'switchboard',
  }
}

/** The connections to a MongoDB, and whether it can be reached. */
export interface MongoLink {
  readonly db: Db
  /**
   * Runs one operation.
   * @throws {Unavailable} when it is not answered in time, or MongoDB cannot be reached; it may have been done all the same
   */
  ask<T>(work: () => Promise<T>): Promise<T>
  /** Runs an operation that only reads: it sees every `ask` acknowledged before, by any process. It may run again. */
  read<T>(work: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

/**
 * Connects, waiting for a server as long as it takes, with a line in the log.
 * @param hear gets each command as it is sent, with what users wrote
 * @throws when the URL is invalid, or the server refuses its credentials
 */
export async function openMongoLink(
  url: string,
  log: Logger,
  connections: number,
  hear?: (command: Bson) => void,
): Promise<MongoLink> {
  const { client, db } = clientFor('MONGODB_URL', url, DATABASE, connections, hear !== undefined)
  const fence = openFence(db, ask)
  let isOpen = true
  let awaySince: number | undefined
  let primary: string | undefined
  /** Failures of operations begun before this time are not news: they were logged already. */
  let newsSince = 0
  const asked = new Set<() => void>()

  function gone(reason: string): void {
    if (awaySince !== undefined || !isOpen) return
    awaySince = performance.now()
    log.warn({ reason }, 'cannot reach MongoDB; commands wait')
  }
  function back(): void {
    if (awaySince === undefined || !isOpen) return
    log.info({ afterMs: Math.round(performance.now() - awaySince) }, 'MongoDB can be reached again')
    awaySince = undefined
    newsSince = performance.now()
  }

  async function ask<T>(work: () => Promise<T>): Promise<T> {
    if (!isOpen) throw new Error('the store is closed')
    const began = performance.now()
    try {
      const answer = await answered(unlessMoved(work()))
      if (awaySince !== undefined && began > awaySince) back()
      return answer
    } catch (error) {
      if (!isOpen) throw new Error('the store is closed', { cause: error })
      if (isAway(error) && began >= newsSince) gone(reasonOf(error))
      throw errorFor(error)
    }
  }

  /** Rejects when the primary has changed a while ago and there is no answer: the old one may be cut off. */
  function unlessMoved<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(new Unavailable(MOVED))
      asked.add(giveUp)
      work.then(resolve, reject).finally(() => asked.delete(giveUp))
    })
  }

  client.on('topologyDescriptionChanged', ({ newDescription }) => {
    const [before, all] = [primary, primariesIn(newDescription)]
    if (before !== undefined && all.some((one) => nameOf(one) === before)) return
    primary = all[0] && nameOf(all[0])
    if (all[0]?.electionId) fence.moved()
    if (primary === undefined) {
      if (before !== undefined) gone(reasonIn(newDescription))
      return
    }
    newsSince = performance.now()
    if (awaySince !== undefined) back()
    else if (before !== undefined) log.warn(MOVED)
    const late = [...asked]
    if (late.length > 0) setTimeout(() => late.forEach((giveUp) => giveUp()), MOVING).unref()
  })

  if (hear) client.on('commandStarted', ({ command }) => hear(command))

  const link: MongoLink = {
    db,
    ask,
    read: (work) => fence.read(work),
    async close() {
      if (!isOpen) return
      isOpen = false
      await client.close()
    },
  }
  for (;;) {
    try {
      await answered(client.connect())
      await answered(db.command({ ping: 1 }))
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
 * A client that is not connected yet, and the database that its URL names.
 * @param otherwise the database when the URL names none
 * @throws naming the setting, without its value, when the URL or its database name is invalid
 */
export function clientFor(
  setting: string,
  url: string,
  otherwise: string,
  connections: number,
  monitorCommands = false,
): { client: MongoClient; db: Db } {
  try {
    const client = new MongoClient(url, { ...optionsFor(connections), monitorCommands })
    return { client, db: client.db(databaseOf(url) ?? otherwise, PROMISED) }
  } catch (error) {
    throw wrongUrl(setting, error)
  }
}

// The driver's reasons show nothing of the URL but its hosts; their causes might.
function wrongUrl(setting: string, error: unknown): Error {
  return new Error(`${setting}: ${reasonOf(error)}`)
}

/** The database that the URL names after its hosts. */
export function databaseOf(url: string): string | undefined {
  const name = /^mongodb(?:\+srv)?:\/\/[^/?]*\/([^?]+)/.exec(url)?.[1]
  return name === undefined ? undefined : decodeURIComponent(name)
}

/** At the start: whether to wait for the server. Refused credentials would be refused again. */
function isNotThere(error: unknown): boolean {
  return isAway(error) && !(error instanceof MongoServerError && error.code === AUTHENTICATION_FAILED)
}

const PRIMARIES = new Set<ServerType>([
  ServerType.Standalone,
  ServerType.RSPrimary,
  ServerType.Mongos,
  ServerType.LoadBalancer,
])

/** The servers that accept writes. */
function primariesIn({ servers }: TopologyDescription): ServerDescription[] {
  return [...servers.values()].filter(({ type }) => PRIMARIES.has(type))
}

/** Names a primary with its election: the same server elected again counts as another, because there may have been one in between. */
function nameOf({ address, electionId }: ServerDescription): string {
  return `${address} ${electionId?.toHexString() ?? ''}`
}
