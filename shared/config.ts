import { existsSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { parseEnv } from 'node:util'
import { z } from 'zod'
import { faultOfIssuers, oidcIssuers } from './oidc-issuers.ts'
import { originOf } from './origin.ts'
import { areTurnUris } from './turn-uris.ts'

export type { OidcIssuer } from './oidc-issuers.ts'

// Every setting of the platform: name, bounds, default. This is the one file that reads process.env.

/** Digits and nothing else: `0x10`, `1e3` and a space are no numbers of seconds or bytes that anybody means. */
const whole = z
  .string()
  .regex(/^\d{1,16}$/, 'must be a whole number')
  .transform(Number)
const count = (value: number, min: number, max: number) => whole.pipe(z.int().min(min).max(max)).default(value)
const port = (value: number) => count(value, 0, 65_535)
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
)
/** An address or a name; an IPv6 address may stand in brackets, and has no zone, which no URL can carry. */
const host = z
  .string()
  .regex(/^(?:\[[\da-f:.]+\]|[^\s/%[\]]+)$/i, 'must be an address or a host name')
  .transform((text) => text.replace(/^\[(.*)\]$/, '$1'))
const origins = list.transform((all, context) =>
  all.map((one) => {
    const origin = originOf(one)
    if (origin === undefined)
      context.addIssue('must be origins: scheme://host[:port], without a path, comma-separated; or null')
    return origin ?? ''
  }),
)
const networks = list.refine(
  (all) => all.every(isNetwork),
  'must be IP addresses and networks such as 10.0.0.0/8, comma-separated',
)
const MIN_SECRET = 16
const secrets = list.refine((all) => all.length > 0 && all.every((one) => one.length >= MIN_SECRET), {
  message: `each must have at least ${MIN_SECRET} characters`,
})
const turnUris = z
  .string()
  .toLowerCase()
  .pipe(list)
  .refine(
    areTurnUris,
    'must be 1 to 16 URIs stun:host[:port] or turn(s):host[:port][?transport=udp|tcp], comma-separated',
  )
export const isMongoUrl = (text: string): boolean => /^mongodb(?:\+srv)?:\/\/[^\s/?]+(?:[/?]\S*)?$/.test(text)
const coturnDatabase = z
  .string()
  .refine(
    (at) => isMongoUrl(at) || !/^[a-z][a-z0-9+.-]+:\/\//i.test(at),
    'must be the path of a SQLite file, or a mongodb:// URL',
  )

const notYet = (what: string) => z.never({ error: `${what} is not part of this version; leave it unset` }).optional()

const settings = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  /** Listen address of the MQTT and HTTPS ports; default 127.0.0.1, in production 0.0.0.0. */
  HOST: host.optional(),
  MQTTS_PORT: port(8883),
  WSS_PORT: port(8443),
  ADMIN_PORT: port(9090),
  ADMIN_HOST: host.default('127.0.0.1'),
  /** Host names, besides ADMIN_HOST, `localhost` and addresses, by which the admin port may be asked. */
  ADMIN_HOSTS: list.default([]),
  /** Addresses and networks of load balancers whose connections begin with a PROXY header (version 2), and must. */
  PROXY_PROTOCOL_FROM: networks.default([]),
  /** Origins whose pages may open a WebSocket, comma-separated; the broker's own is always allowed. */
  WSS_ORIGINS: origins.default([]),
  DATA_DIR: z.string().min(1).default('./data'),
  TLS_CERT: z.string().min(1).optional(),
  TLS_KEY: z.string().min(1).optional(),
  SECRET: secrets.optional(),
  /** OpenID Connect issuers whose tokens are taken: a JSON array, see oidc-issuers.ts. */
  OIDC_ISSUERS: z.string().default('[]').transform(json).pipe(oidcIssuers),
  /** Characters of a token, at most; a CONNECT may be that much larger before it is known who sends it. */
  MAX_TOKEN_BYTES: count(16_384, 1_024, 65_535),
  /** Seconds by which an issuer's clock may be ahead of ours: for `nbf` and `iat`. For `exp` it is always 5. */
  CLOCK_TOLERANCE: count(30, 0, 600),
  /** A token whose `role` is `operator`, for `npm run dead` where there is no SECRET. */
  OPERATOR_TOKEN: z
    .string()
    .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/, 'must be a JWT')
    .optional(),
  HANDLER_KEY: secrets.optional(),
  /** `group=key` pairs, comma-separated; a group may have several keys, so that one can be rotated. */
  HANDLER_KEYS: z.string().default('').transform(groupKeys),
  /** Events that handlers with the shared key may publish though no handler's file declares them, comma-separated. */
  HANDLER_EVENTS: list
    .refine(
      (all) => all.every((one) => /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(one)),
      'must be snake_case names of events',
    )
    .default([]),
  /** Open topics of a group's handlers: a JSON object of `{group: {pub?: [filter…], sub?: [filter…]}}`. */
  HANDLER_GRANTS: z
    .string()
    .default('{}')
    .transform(json)
    .pipe(
      z.record(
        z.string(),
        z.strictObject({ pub: z.array(z.string()).default([]), sub: z.array(z.string()).default([]) }),
      ),
    ),
  /** Where handlers find the broker, and the CA that signed its certificate when it is neither public nor TLS_CERT. */
  BROKER_URL: z.url({ protocol: /^mqtts$/, error: 'must be an mqtts:// URL' }).optional(),
  BROKER_CA: z.string().min(1).optional(),
  /** Commands one handler process holds at a time. */
  HANDLER_WINDOW: count(64, 1, 10_000),
  /** Who may write to, call and see the presence of whom: contacts, or everyone who is not blocked. */
  ACCESS: z.enum(['contacts', 'everyone']).default('contacts'),
  /** Milliseconds that a call rings before it is missed. */
  RING_TIMEOUT: count(45_000, 100, 600_000),
  /** `true` takes private addresses out of what is relayed for calls. */
  HIDE_PRIVATE_ADDRESSES: z.stringbool().default(false),
  /** Live events (signals) of one sender that may wait for one user; beyond, `rate_limited`. */
  MAX_LIVE_WAITING: count(50, 1, 10_000),
  /** Bytes of all that wait; beyond, and beyond a sixteenth of them from one sender, `rate_limited`. */
  MAX_LIVE_BYTES: count(67_108_864, 65_536, 68_719_476_736),
  /** STUN and TURN servers as clients reach them, comma-separated; without them no credentials are given. */
  TURN_URIS: turnUris.default([]),
  /** Shared with coturn (`static-auth-secret`), or `TURN_SECRET_STORE`: coturn's own database, read live. */
  TURN_SECRET: secrets.optional(),
  TURN_SECRET_STORE: coturnDatabase.optional(),
  /** coturn's realm, whose secrets in TURN_SECRET_STORE are meant. */
  TURN_REALM: z
    .string()
    .regex(/^[\x21-\x7e]{1,127}$/, 'must be 1 to 127 printable ASCII characters without blanks')
    .default('switchboard'),
  /** Seconds that credentials last when nothing else is asked for. */
  TURN_TTL: count(3_600, 60, 86_400),
  /** Credentials that one user gets in an hour; beyond, `rate_limited`. */
  TURN_CREDENTIALS_PER_USER: count(60, 1, 1_000),
  /** Where handlers keep their data instead of DATA_DIR; its path names the database, `switchboard` without one. */
  MONGODB_URL: z.string().refine(isMongoUrl, 'must be a mongodb:// or mongodb+srv:// URL').optional(),
  REDIS_URL: notYet('Redis'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),

  /** Bytes of one MQTT packet; beyond, the connection ends (MQTT 5: 0x95). */
  MAX_PACKET_BYTES: count(262_144, 16_384, 16_777_216),
  /** Bytes of a command's payload; beyond, `too_large`. */
  MAX_COMMAND_BYTES: count(65_536, 256, 16_777_216),
  /** Longest keepalive in seconds; a client that asks for a longer one, or for none, is held to this. */
  MAX_KEEPALIVE: count(3_600, 10, 65_535),
  /** Milliseconds a connection has to send its CONNECT. */
  CONNECT_TIMEOUT: count(5_000, 100, 60_000),
  /** Bytes that may wait in a subscriber's socket; beyond, QoS 0 is dropped and QoS 1 waits in the session. */
  MAX_UNSENT_BYTES: count(1_048_576, 16_384, 268_435_456),
  /** Events kept for one persistent session; beyond, the oldest is dropped. */
  MAX_OFFLINE_EVENTS: count(10_000, 1, 60_000),
  /** Bytes of them; beyond, the oldest is dropped. */
  MAX_OFFLINE_BYTES: count(16_777_216, 65_536, 1_073_741_824),
  /** Numbered events of one user that `sync_events` can bring back; beyond, their oldest is forgotten. */
  INBOX_EVENTS: count(1_000, 1, 10_000),
  /** Milliseconds for which they are kept. */
  INBOX_AGE: count(86_400_000, 1_000, 31_536_000_000),
  /** Bytes of all events kept for one user, in the inbox and in sessions; beyond, their oldest goes. */
  KEPT_BYTES_PER_USER: count(67_108_864, 65_536, 68_719_476_736),
  /** Bytes of those of all users; beyond, the oldest of those users goes who hold the most. */
  MAX_KEPT_BYTES: count(1_073_741_824, 65_536, 1_099_511_627_776),
  /** Milliseconds a persistent session is kept after its connection ended, at most. */
  SESSION_TTL: count(604_800_000, 1_000, 31_536_000_000),
  /** Retained messages of open topics, in all; beyond, `rate_limited`. */
  MAX_RETAINED: count(10_000, 0, 10_000_000),
  /** Bytes of them, in all; beyond, `rate_limited`. */
  MAX_RETAINED_BYTES: count(268_435_456, 0, 68_719_476_736),
  /** Retained messages of one user, and their bytes; beyond, `rate_limited`. */
  RETAINED_PER_USER: count(1_000, 0, 10_000_000),
  RETAINED_BYTES_PER_USER: count(16_777_216, 0, 68_719_476_736),

  /** Connections from one address (IPv6: one /64) at a time, and new ones in a minute; beyond, hung up on. */
  CONNECTIONS_PER_ADDRESS: count(20_000, 1, 10_000_000),
  CONNECTS_PER_ADDRESS: count(30_000, 1, 10_000_000),
  /** Connects of one user's one client in a minute; beyond, that client is refused for CONNECT_BAN milliseconds. */
  CONNECTS_PER_CLIENT: count(15, 1, 1_000_000),
  CONNECT_BAN: count(300_000, 1_000, 86_400_000),
  /** Sessions of one user, connected or kept; beyond, the oldest without a connection ends, or the new one is refused. */
  SESSIONS_PER_USER: count(100, 1, 100_000),
  /** Subscriptions of one session; beyond, refused. */
  SUBSCRIPTIONS_PER_SESSION: count(1_000, 1, 100_000),
  /** Commands and open messages of one user in ten seconds; beyond, `rate_limited`; beyond twice that, disconnected. */
  PUBLISHES_PER_USER: count(5_000, 1, 10_000_000),
  /** Packets of one device's connection in ten seconds, a SUBSCRIBE counting as its filters; beyond, disconnected. */
  PACKETS_PER_CONNECTION: count(20_000, 10, 100_000_000),
  /** QoS 2 messages of one session whose PUBREL has not come; beyond, disconnected. */
  HALF_OPEN_PER_SESSION: count(1_000, 1, 65_535),

  /** Commands accepted and not ended, in all; beyond, `unavailable`. */
  MAX_QUEUED: count(1_000_000, 1, 100_000_000),
  /** Bytes that they take, in all; beyond, `unavailable`. One group may use as much of both as is free besides. */
  MAX_QUEUED_BYTES: count(1_073_741_824, 65_536, 68_719_476_736),
  /** The same of one user; beyond, `rate_limited`. */
  QUEUED_PER_USER: count(10_000, 1, 100_000_000),
  QUEUED_BYTES_PER_USER: count(16_777_216, 1_024, 68_719_476_736),
  /** Dead letters kept; beyond, the oldest is dropped. */
  MAX_DEAD: count(100_000, 1, 10_000_000),
  /** Bytes that they take; beyond, the oldest is dropped. Of both, one user has a tenth at most. */
  MAX_DEAD_BYTES: count(268_435_456, 65_536, 68_719_476_736),
  /** Milliseconds a command waits for a group that is away, before `unavailable`. */
  QUEUE_TTL: count(3_600_000, 10, 2_147_483_647),
  /** Milliseconds before the first repetition of a failed attempt; doubles each time, with jitter. */
  RETRY_DELAY: count(200, 0, 60_000),
  /** Milliseconds in which the same command id gives the same answer again. */
  IDEMPOTENCY_WINDOW: count(600_000, 0, 86_400_000),
  /** Bytes of the answers kept for that, in all; beyond, the oldest is dropped, and its command still known as done. */
  MAX_REMEMBERED_BYTES: count(268_435_456, 0, 68_719_476_736),
  /** The same of one user; beyond, new answers are not kept. */
  REMEMBERED_BYTES_PER_USER: count(16_777_216, 0, 68_719_476_736),
})

/** Settings that an earlier version had: passed over in silence, they would bound nothing any more. */
const GONE: Readonly<Record<string, string>> = {
  INBOX_BYTES:
    'is no setting any more; KEPT_BYTES_PER_USER bounds what is kept for a user, inbox and sessions together',
}

type Settings = z.output<typeof settings>
export type Config = Omit<Settings, 'HOST'> & { HOST: string; production: boolean }

/** A setting is wrong or missing. Its message names the setting and never shows a value. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/**
 * Reads the settings from the environment, and from `.env` in the working directory for what the environment lacks.
 * An empty value counts as unset.
 * @throws {ConfigError} naming every setting that is wrong, or missing in production
 */
export function readConfig(env: Record<string, string | undefined> = fromProcess()): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const gone = Object.entries(GONE).filter(([name]) => given[name] !== undefined)
  if (gone.length > 0) throw new ConfigError(gone.map(([name, why]) => `${name}: ${why}`).join('\n'))
  const parsed = settings.safeParse(given)
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'))
  }
  const config = parsed.data
  const production = config.NODE_ENV === 'production'
  if ((config.TLS_CERT === undefined) !== (config.TLS_KEY === undefined)) {
    throw new ConfigError('TLS_CERT and TLS_KEY: set both or neither')
  }
  if (config.MAX_COMMAND_BYTES > config.MAX_PACKET_BYTES / 2) {
    throw new ConfigError('MAX_COMMAND_BYTES: must be at most half of MAX_PACKET_BYTES, which bounds its answer too')
  }
  if (config.MAX_TOKEN_BYTES > config.MAX_PACKET_BYTES) {
    throw new ConfigError('MAX_TOKEN_BYTES: must be at most MAX_PACKET_BYTES, since a CONNECT brings the token')
  }
  if (config.TURN_SECRET !== undefined && config.TURN_SECRET_STORE !== undefined) {
    throw new ConfigError('TURN_SECRET and TURN_SECRET_STORE: set one of them')
  }
  const faults = faultOfIssuers(config.OIDC_ISSUERS, config.SECRET !== undefined)
  if (faults !== undefined) throw new ConfigError(`OIDC_ISSUERS: ${faults}`)
  return { ...config, production, HOST: config.HOST ?? (production ? '0.0.0.0' : '127.0.0.1') }
}

/** @throws {ConfigError} when one of the settings is missing in production, where nothing is generated */
export function requireInProduction(config: Config, names: ReadonlyArray<keyof Config>): void {
  const missing = config.production ? names.filter((name) => config[name] === undefined) : []
  if (missing.length > 0) {
    throw new ConfigError(missing.map((name) => `${name}: must be set when NODE_ENV=production`).join('\n'))
  }
}

function fromProcess(): Record<string, string | undefined> {
  return { ...(existsSync('.env') && parseEnv(readFileSync('.env', 'utf8'))), ...process.env }
}

function isNetwork(text: string): boolean {
  const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const family = isIP(address)
  return family !== 0 && (prefix === undefined || Number(prefix) <= (family === 4 ? 32 : 128))
}

function json(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue('must be JSON')
    return z.NEVER
  }
}

function groupKeys(text: string, context: z.RefinementCtx): Map<string, string[]> {
  const keys = new Map<string, string[]>()
  for (const pair of text.split(',').map((item) => item.trim())) {
    if (pair === '') continue
    const [, group, key] = /^([A-Za-z0-9][A-Za-z0-9_-]*)=(.+)$/.exec(pair) ?? []
    if (group === undefined || key === undefined || key.length < MIN_SECRET) {
      context.addIssue(`must be group=key pairs, each key with at least ${MIN_SECRET} characters`)
      return z.NEVER
    }
    keys.set(group, [...(keys.get(group) ?? []), key])
  }
  return keys
}
