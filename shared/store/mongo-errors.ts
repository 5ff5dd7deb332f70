import {
  MongoBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  MongoSystemError,
  MongoWriteConcernError,
  ServerType,
  type TopologyDescription,
} from 'mongodb'
import { Unavailable } from '../wire/refusal.ts'

const DUPLICATE_KEY = 11_000
const INDEX_DIFFERS = new Set([85, 86])

/** Codes of a server that cannot do now what it was asked (manual, "Error Codes"; for the newest, error_codes.yml). */
const AWAY = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  13, // Unauthorized: the operator has to fix this and the next
  18, // AuthenticationFailed
  24, // LockTimeout
  43, // CursorNotFound: the rest of a page was on a server that is no longer used
  50, // MaxTimeMSExpired
  63, // StaleShardVersion
  64, // WriteConcernTimeout: written, but not yet by a majority
  89, // NetworkTimeout
  91, // ShutdownInProgress
  100, // UnsatisfiableWriteConcern: no majority of the members is up
  112, // WriteConflict
  133, // FailedToSatisfyReadPreference
  134, // ReadConcernMajorityNotAvailableYet
  150, // StaleEpoch
  175, // QueryPlanKilled: an index or the collection was dropped under it
  189, // PrimarySteppedDown
  202, // NetworkInterfaceExceededTimeLimit
  216, // ElectionInProgress
  237, // CursorKilled
  262, // ExceededTimeLimit
  264, // TooManyFilesOpen
  276, // IndexBuildAborted
  279, // ClientDisconnect
  285, // IndexBuildAlreadyInProgress
  355, // InterruptedDueToStorageChange
  365, // TemporarilyUnavailable: its cache is full
  371, // UserWritesBlocked: by its operator, or by a migration
  391, // ReauthenticationRequired
  402, // ResourceExhausted
  407, // PooledConnectionAcquisitionExceededTimeLimit
  8_000, // Atlas: its own limits and maintenance
  9_001, // SocketException
  10_058, // NotWritablePrimary, by its older number
  10_107, // NotWritablePrimary
  11_600, // InterruptedAtShutdown
  11_601, // Interrupted
  11_602, // InterruptedDueToReplStateChange
  13_388, // StaleConfig
  13_435, // NotPrimaryNoSecondaryOk
  13_436, // NotPrimaryOrSecondary
  14_031, // OutOfDiskSpace
])
/** The driver's own errors of this kind, besides network and server selection. By name, because some classes are not exported. */
const AWAY_NAMES = new Set([
  'MongoWaitQueueTimeoutError',
  'MongoNotConnectedError',
  'MongoPoolClosedError', // for a member that was removed from the set
  'MongoTopologyClosedError',
  'MongoServerClosedError',
  'MongoStalePrimaryError',
])
const AWAY_LABELS = ['RetryableWriteError', 'RetryableError', 'SystemOverloadedError']

/** Whether a write was refused because its key, or its values in a unique index, exist already. */
export function isDuplicate(error: unknown): error is MongoServerError {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY
}

/** Which documents of many were refused for that reason, by their places; undefined when there was another reason. */
export function duplicatesIn(error: unknown): number[] | undefined {
  if (!(error instanceof MongoBulkWriteError)) return undefined
  const refused = [error.writeErrors].flat()
  const areAll = refused.length > 0 && refused.every(({ code }) => code === DUPLICATE_KEY)
  return areAll ? refused.map(({ index }) => index) : undefined
}

/**
 * Whether the duplicate is the document's key, and not its values in a unique index. MongoDB says so in a field; other servers only in
 * the message, each in its own words, before any value: what follows the first name may be a user's text.
 */
export function isOfKey({ message, ...more }: MongoServerError): boolean {
  const fields: unknown = more['keyPattern']
  if (typeof fields === 'object' && fields !== null) return Object.keys(fields).join() === '_id'
  return /\bindex(?:: | ')(\w+)/i.exec(message)?.[1] === '_id_'
}

/** Whether there is an index with that name already, over other fields. */
export function isOtherIndex(error: unknown): boolean {
  return error instanceof MongoServerError && INDEX_DIFFERS.has(Number(error.code))
}

/**
 * Errors of sockets, which the driver passes on when a write meets a reset, and of name servers. Not of files, such as a CA file that
 * the URL names: those do not appear by themselves.
 */
function isOfSystem(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'syscall' in error && !('path' in error)
}

/** Whether the error is no fault of the operation, which may succeed later. */
export function isAway(error: unknown): boolean {
  if (error instanceof Unavailable || isOfSystem(error)) return true
  if (!(error instanceof MongoError)) return false
  if (
    error instanceof MongoNetworkError ||
    error instanceof MongoSystemError ||
    error instanceof MongoWriteConcernError
  )
    return true
  if (AWAY_NAMES.has(error.name) || AWAY_LABELS.some((label) => error.hasErrorLabel(label))) return true
  return error instanceof MongoServerError && AWAY.has(Number(error.code))
}

/**
 * The error to pass on. A server's message may hold values of the operation, so only its name and code are passed on. The driver's
 * messages about connections name hosts, but no credentials.
 */
export function errorFor(error: unknown): unknown {
  const isOurs = !(error instanceof MongoError || isAway(error))
  if (isOurs || isDuplicate(error)) return error
  const why = reasonOf(error)
  return isAway(error)
    ? new Unavailable(`MongoDB cannot be used: ${why}`, { isTold: true })
    : new Error(`MongoDB refused the operation: ${why}`)
}

export function reasonOf(error: unknown): string {
  if (error instanceof MongoServerSelectionError && error.reason) return reasonIn(error.reason)
  if (error instanceof MongoServerError) {
    const { codeName, code } = error
    return `${codeName ?? error.name} (${String(code ?? 'no code')})`
  }
  return String((error as Partial<Error> | null)?.message)
}

/** Why no server accepts writes, as far as the servers have said. */
export function reasonIn({ servers, setName }: TopologyDescription): string {
  if (servers.size === 0) return `no server belongs to the replica set ${setName}`
  const errors = [...servers.values()].flatMap(({ error }) => (error ? [reasonOf(error)] : []))
  const silent = [...servers.values()].flatMap(({ type, address }) => (type === ServerType.Unknown ? [address] : []))
  return errors[0] ?? (silent.length > 0 ? `no answer from ${silent.join(', ')}` : 'no server accepts writes')
}
