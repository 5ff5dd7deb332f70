import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { z } from 'zod'

// Every setting of the platform: name, bounds, default. This is the one file that reads process.env.

const port = (value: number) => z.coerce.number().int().min(0).max(65_535).default(value)
const count = (value: number, min: number, max: number) => z.coerce.number().int().min(min).max(max).default(value)
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
)
const MIN_SECRET = 16
const secrets = list.refine((all) => all.length > 0 && all.every((one) => one.length >= MIN_SECRET), {
  message: `each must have at least ${MIN_SECRET} characters`,
})
const notYet = (what: string) => z.never({ error: `${what} is not part of this version; leave it unset` }).optional()

const settings = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  /** Listen address of the MQTT and HTTPS ports; default 127.0.0.1, in production 0.0.0.0. */
  HOST: z.string().min(1).optional(),
  MQTTS_PORT: port(8883),
  WSS_PORT: port(8443),
  ADMIN_PORT: port(9090),
  ADMIN_HOST: z.string().min(1).default('127.0.0.1'),
  /** Origins whose pages may open a WebSocket, comma-separated; the broker's own is always allowed. */
  WSS_ORIGINS: list.default([]),
  DATA_DIR: z.string().min(1).default('./data'),
  TLS_CERT: z.string().min(1).optional(),
  TLS_KEY: z.string().min(1).optional(),
  SECRET: secrets.optional(),
  HANDLER_KEY: secrets.optional(),
  /** `group=key` pairs, comma-separated; a group may have several keys, so that one can be rotated. */
  HANDLER_KEYS: z.string().default('').transform(groupKeys),
  /** Where handlers find the broker, and the CA that signed its certificate when it is neither public nor TLS_CERT. */
  BROKER_URL: z.url({ protocol: /^mqtts$/, error: 'must be an mqtts:// URL' }).optional(),
  BROKER_CA: z.string().min(1).optional(),
  /** Commands one handler process holds at a time. */
  HANDLER_WINDOW: count(64, 1, 10_000),
  MONGODB_URL: notYet('MongoDB'),
  REDIS_URL: notYet('Redis'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),

  /** Bytes of one MQTT packet; beyond, the connection ends (MQTT 5: 0x95). */
  MAX_PACKET_BYTES: count(262_144, 16_384, 16_777_216),
  /** Bytes of a command's payload; beyond, `too_large`. */
  MAX_COMMAND_BYTES: count(65_536, 256, 16_777_216),
  /** Seconds a client's keepalive may be, at most. */
  MAX_KEEPALIVE: count(3_600, 10, 65_535),
  /** Milliseconds a connection has to send its CONNECT. */
  CONNECT_TIMEOUT: count(5_000, 100, 60_000),
  /** Bytes that may wait in a subscriber's socket; beyond, QoS 0 is dropped and QoS 1 waits in the session. */
  MAX_UNSENT_BYTES: count(1_048_576, 16_384, 268_435_456),
  /** Events kept for one persistent session; beyond, the oldest is dropped. */
  MAX_OFFLINE_EVENTS: count(10_000, 1, 60_000),
  /** Bytes of their payloads; beyond, the oldest is dropped. */
  MAX_OFFLINE_BYTES: count(16_777_216, 65_536, 1_073_741_824),
  /** Milliseconds a persistent session is kept after its connection ended, at most. */
  SESSION_TTL: count(604_800_000, 1_000, 31_536_000_000),
  /** Commands accepted and not ended, in all; beyond, `unavailable`. */
  MAX_QUEUED: count(1_000_000, 1, 100_000_000),
  /** Bytes of their payloads, in all; beyond, `unavailable`. */
  MAX_QUEUED_BYTES: count(268_435_456, 65_536, 68_719_476_736),
  /** Dead letters kept; beyond, the oldest is dropped. */
  MAX_DEAD: count(100_000, 1, 10_000_000),
  /** Milliseconds a command waits for a group that is away, before `unavailable`. */
  QUEUE_TTL: count(3_600_000, 10, 2_147_483_647),
  /** Milliseconds before the first repetition of a failed attempt; doubles each time, with jitter. */
  RETRY_DELAY: count(200, 0, 60_000),
  /** Milliseconds in which the same command id gives the same answer again. */
  IDEMPOTENCY_WINDOW: count(600_000, 0, 86_400_000),
})

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
