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

/** Milliseconds in which one operation must be answered, whatever the driver tries meanwhile; then it is put off. */
export const DEADLINE = 8_000
/** Milliseconds in which what was asked before there was another primary must be answered, by this one. */
const MOVING = 2_000
const MOVED = 'MongoDB has another primary'
const PAUSE = 500
/** The database when the URL names none. */
export const DATABASE = 'switchboard'
const AUTHENTICATION_FAILED = 18

/** What is promised rests on these. Given with the database, too, because the driver mixes a client's with what the URL says. */
const PROMISED: DbOptions = {
  // A change that was answered is on the disks of a majority: no fail-over takes it back.
  writeConcern: { w: 'majority', journal: true },
  // What a handler decides by cannot be taken back either. The primary alone has read what was just written.
  readConcern: new ReadConcern('majority'),
  readPreference: 'primary',
}

/** @throws {Unavailable} when it is not answered by the deadline; it may be done none the less */
export const answered = <T>(work: Promise<T>): Promise<T> => inTime(DEADLINE, work, 'MongoDB did not answer')

/** How the driver is to talk to the servers; these go before what the URL says. `connections` at a time, at most. */
function optionsFor(connections: number): MongoClientOptions {
  return {
    ...PROMISED,
    // Once more when the connection breaks or the primary changes; the server knows a write by its number, so it is done once.
    retryWrites: true,
    retryReads: true,
    // A fail-over takes some 10 s. Who waits longer than this gives way to the broker, which keeps the command at no cost.
    serverSelectionTimeoutMS: 5_000,
    // Of a handshake and of the driver's look at a server: slow servers take several trips of 2 s.
    connectTimeoutMS: 10_000,
    // A connection whose server stands still is given up after this; the operation itself has been, at DEADLINE.
    socketTimeoutMS: 20_000,
    // About as many operations run at a time as commands are held: each waits for one, or for the few stretches of a page.
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
  /** As `ask`, for an operation that reads: it sees all that anybody's `ask` has been answered before. It may be done again. */
  read<T>(work: () => Promise<T>): Promise<T>
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
  const { client, db } = clientFor('MONGODB_URL', url, DATABASE, connections, hear !== undefined)
  const fence = openFence(db, ask)
  let isOpen = true
  let awaySince: number | undefined
  let primary: string | undefined
  /** What was begun before and fails is of a time that has been told of already. */
  let newsSince = 0
  const asked = new Set<() => void>()

  function gone(reason: string): void {
    if (awaySince !== undefined || !isOpen) return
    awaySince = performance.now()
    log.warn({ reason }, 'MongoDB is away, commands wait')
  }
  function back(): void {
    if (awaySince === undefined || !isOpen) return
    log.info({ afterMs: Math.round(performance.now() - awaySince) }, 'MongoDB is back')
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

  /** Rejects when there has been another primary for a while, and no answer: the old one may be where nobody hears it. */
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
 * A client that connects when it is told to, and the database that its URL names.
 * @param otherwise the database when it names none
 * @throws naming the setting, without its value, when the URL is none or names what can be no database
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

/** Those that take writes. */
function primariesIn({ servers }: TopologyDescription): ServerDescription[] {
  return [...servers.values()].filter(({ type }) => PRIMARIES.has(type))
}

/** One that is elected again is another, because there may have been one between. */
function nameOf({ address, electionId }: ServerDescription): string {
  return `${address} ${electionId?.toHexString() ?? ''}`
}
