import { z } from 'zod'
import { oidcIssuers } from './oidc-issuers.ts'
import {
  bytes,
  coturnDatabase,
  count,
  host,
  isMongoUrl,
  json,
  keysOfGroups,
  list,
  ms,
  networks,
  notYet,
  origins,
  port,
  seconds,
  secrets,
  turnUris,
} from './setting-kinds.ts'
import { MAX_DELAY } from './timer.ts'

// Every setting, once: its kind, default, bounds and meaning. `npm run docs` makes .env.example and docs/operate/settings.md from it.

const platform = {
  NODE_ENV: z
    .enum(['development', 'test', 'production'])
    .default('development')
    .describe(
      '`development`, `test` or `production`. In production nothing is generated: `SECRET` or `OIDC_ISSUERS`, `HANDLER_KEY` or `HANDLER_KEYS`, `TLS_CERT` and `TLS_KEY` must be set.',
    ),
  DATA_DIR: z
    .string()
    .min(1)
    .default('./data')
    .describe('Folder of the embedded storage engines, and of the development certificate and secrets (in `dev/`).'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`.'),
}

const listening = {
  HOST: host
    .optional()
    .meta({ unset: '`127.0.0.1`; in production `0.0.0.0`' })
    .describe('Address or host name that the MQTT and HTTPS ports listen on.'),
  MQTTS_PORT: port(8883).describe('Port for MQTT over TLS. 0 picks a free port, here and for the next two.'),
  WSS_PORT: port(8443).describe('Port for HTTPS, which serves the web page, and MQTT over WebSocket at `/mqtt`.'),
  WEB: z
    .string()
    .regex(/^(?:on|off|.*\/.*)$/, 'must be on, off, or the path of a folder, with a slash')
    .default('on')
    .describe(
      'The web page at the HTTPS port: `on`, `off`, or a folder with a page of your own, whose `index.html` is at `/`. `.br` and `.gz` files beside its files are their compressed copies.',
    ),
  ADMIN_PORT: port(9090).describe('Port for `/healthz`, `/readyz` and `/metrics`: plain HTTP, no login.'),
  ADMIN_HOST: host.default('127.0.0.1').describe('Address that the admin port and `METRICS_PORT` listen on.'),
  ADMIN_HOSTS: list
    .default([])
    .describe(
      'Host names that requests to these two ports may name, comma-separated, besides `ADMIN_HOST`, `localhost` and addresses. Other names are refused, which keeps web pages out (DNS rebinding).',
    ),
  PROXY_PROTOCOL_FROM: networks
    .default([])
    .describe(
      'Addresses and networks of TCP load balancers, comma-separated, such as `10.0.0.0/8`. Their connections must begin with a PROXY header (version 2), which tells the client’s own address.',
    ),
  WSS_ORIGINS: origins
    .default([])
    .describe(
      'Origins whose pages may open a WebSocket, comma-separated, such as `https://app.example.com`, besides the broker’s own. `null` allows pages without an origin.',
    ),
}

const identity = {
  TLS_CERT: z
    .string()
    .min(1)
    .optional()
    .meta({ unset: 'generated in development' })
    .describe('PEM file with the certificate chain. Read again when it changes and on SIGHUP; nobody is disconnected.'),
  TLS_KEY: z
    .string()
    .min(1)
    .optional()
    .meta({ unset: 'generated in development' })
    .describe('PEM file with the certificate’s private key.'),
  SECRET: secrets
    .optional()
    .meta({ unset: 'generated in development' })
    .describe(
      'Secrets for HS256 tokens, at least 16 characters each, comma-separated. All of them verify; the first one signs.',
    ),
  OIDC_ISSUERS: z
    .string()
    .default('[]')
    .transform(json)
    .pipe(oidcIssuers)
    .meta({ unset: 'none' })
    .describe('OpenID Connect issuers to trust: a JSON array, explained in docs/operate/issuers.md.'),
  MAX_TOKEN_BYTES: bytes(16_384, 1_024, 65_535).describe(
    'Longest token. A CONNECT may exceed the bound for strangers by as much.',
  ),
  CLOCK_TOLERANCE: seconds(30, 0, 600).describe(
    'How far an issuer’s clock may be ahead (`nbf`, `iat`). The tolerance for `exp` is always 5 s.',
  ),
  OPERATOR_TOKEN: z
    .string()
    .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/, 'must be a JWT')
    .optional()
    .describe('Token with the role `operator` that `npm run dead` uses where there is no `SECRET`.'),
  HANDLER_KEY: secrets
    .optional()
    .meta({ unset: 'generated in development' })
    .describe(
      'Keys that any handler group may log in with, at least 16 characters each, comma-separated. Handlers use the first one.',
    ),
  HANDLER_KEYS: keysOfGroups.describe(
    'Keys for one group each: `group=key`, comma-separated. Give a group two keys to rotate one.',
  ),
  HANDLER_EVENTS: list
    .refine(
      (all) => all.every((one) => /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(one)),
      'must be snake_case names of events',
    )
    .default([])
    .describe(
      'Events that no handler file declares, but that handlers in other languages may publish with the shared key. Comma-separated.',
    ),
  HANDLER_GRANTS: z
    .string()
    .default('{}')
    .transform(json)
    .pipe(
      z.record(
        z.string(),
        z.strictObject({ pub: z.array(z.string()).default([]), sub: z.array(z.string()).default([]) }),
      ),
    )
    .describe(
      'Open topics that a group’s handlers may use: a JSON object such as `{"tracking":{"sub":["fleet/+/pos"]}}`.',
    ),
}

const handlers = {
  BROKER_URL: z
    .url({ protocol: /^mqtts$/, error: 'must be an mqtts:// URL' })
    .optional()
    .meta({ unset: '`mqtts://HOST:MQTTS_PORT`' })
    .describe('Where handlers find the broker.'),
  BROKER_CA: z
    .string()
    .min(1)
    .optional()
    .meta({ unset: '`TLS_CERT`' })
    .describe('PEM file of the authority that signed the broker’s certificate, if it is not a public one.'),
  HANDLER_WINDOW: count(64, 1, 10_000).describe('How many commands one handler process holds at a time.'),
  METRICS_PORT: count(0, 0, 65_535)
    .removeDefault()
    .optional()
    .meta({ unset: 'none' })
    .describe(
      'Port on which a handler process serves `/metrics` at `ADMIN_HOST`: plain HTTP, no login. 0 picks a free one. `npm start` gives the groups, in alphabetical order, this port and the next ones.',
    ),
  MONGODB_URL: z
    .string()
    .refine(isMongoUrl, 'must be a mongodb:// or mongodb+srv:// URL')
    .optional()
    .meta({ unset: 'SQLite in `DATA_DIR`' })
    .describe(
      'MongoDB for the handlers’ data, such as `mongodb://HOST/switchboard`. The path names the database; `switchboard` if there is none.',
    ),
  REDIS_URL: notYet('Redis').describe('Redis, for several brokers: not in this version.'),
}

const people = {
  ACCESS: z
    .enum(['contacts', 'everyone'])
    .default('contacts')
    .describe('Who may write to, call and see the presence of whom: `contacts`, or `everyone` who is not blocked.'),
  RING_TIMEOUT: ms(45_000, 100, 600_000).describe('How long a call rings before it counts as missed.'),
  HIDE_PRIVATE_ADDRESSES: z
    .stringbool()
    .default(false)
    .describe('`true` removes private addresses from the session descriptions and candidates of calls.'),
  MAX_LIVE_WAITING: count(50, 1, 10_000).describe(
    'Live events (signals) from one sender that may wait for one user. Above that, `rate_limited`.',
  ),
  MAX_LIVE_BYTES: bytes(67_108_864, 65_536, 68_719_476_736).describe(
    'Size of all live events that wait. Above that, or above a sixteenth of it from one sender, `rate_limited`.',
  ),
}

const turn = {
  TURN_URIS: turnUris
    .default([])
    .describe(
      'STUN and TURN servers as devices reach them, comma-separated, such as `stun:turn.example.com,turns:turn.example.com:443?transport=tcp`. Without them, and without a secret, `get_turn_credentials` is refused.',
    ),
  TURN_SECRET: secrets
    .optional()
    .describe(
      'Secrets shared with coturn (`static-auth-secret`), at least 16 characters each, comma-separated. The first one signs.',
    ),
  TURN_SECRET_STORE: coturnDatabase
    .optional()
    .describe(
      'In place of `TURN_SECRET`: coturn’s own database, a SQLite file or a `mongodb://` URL (its path names the database, `coturn` if there is none). It is read for each command, so `turnadmin` can rotate secrets. The newest one signs.',
    ),
  TURN_REALM: z
    .string()
    .regex(/^[\x21-\x7e]{1,127}$/, 'must be 1 to 127 printable ASCII characters without blanks')
    .default('switchboard')
    .describe('coturn’s realm in that database.'),
  TURN_TTL: seconds(3_600, 60, 86_400).describe(
    'How long credentials last unless the client asks otherwise. What it asks for is kept within the same bounds.',
  ),
  TURN_CREDENTIALS_PER_USER: count(60, 1, 1_000).describe(
    'Credentials that one user gets in an hour. Above that, `rate_limited`.',
  ),
}

const push = {
  VAPID_PUBLIC_KEY: z
    .string()
    .regex(/^[A-Za-z0-9_-]{87}$/, 'must be 65 bytes in base64url, as `npm run vapid` prints them')
    .optional()
    .describe(
      'Public key by which push services know this platform (RFC 8292). `npm run vapid` makes a pair. With it the group `push` tells sleeping devices of messages and calls.',
    ),
  VAPID_PRIVATE_KEY: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in base64url, as `npm run vapid` prints them')
    .optional()
    .describe('The private key of that pair, for the group `push` alone.'),
  VAPID_SUBJECT: z
    .string()
    .regex(/^(?:mailto:[^@\s]+@[^@\s]+|https:\/\/\S+)$/, 'must be a mailto: or https:// URL')
    .optional()
    .describe('Where operators of push services reach you, such as `mailto:ops@example.com`.'),
  PUSH_PRIVATE_ADDRESSES: z
    .stringbool()
    .default(false)
    .describe('`true` allows push services at private addresses. For tests: a user names the address.'),
}

const commands = {
  MAX_COMMAND_BYTES: bytes(65_536, 256, 16_777_216).describe(
    'Largest command payload; above that, `too_large`. At most half of `MAX_PACKET_BYTES`.',
  ),
  QUEUE_TTL: ms(3_600_000, 10, MAX_DELAY).describe(
    'How long a command waits for a group that is away. Then `unavailable`.',
  ),
  RETRY_DELAY: ms(200, 0, 60_000).describe(
    'Delay before a failed command runs again. It doubles with each attempt, with jitter.',
  ),
  IDEMPOTENCY_WINDOW: ms(600_000, 0, 86_400_000).describe(
    'How long a repeated command id gets the same answer instead of running again.',
  ),
  MAX_REMEMBERED_BYTES: bytes(268_435_456, 0, 68_719_476_736).describe(
    'Size of all answers kept for that. Above that, the oldest go; their commands are still known, and answered `conflict`.',
  ),
  REMEMBERED_BYTES_PER_USER: bytes(16_777_216, 0, 68_719_476_736).describe(
    'Size of the answers kept for one user. Above that, new ones are not kept.',
  ),
  MAX_QUEUED: count(1_000_000, 1, 100_000_000).describe(
    'Open commands (accepted or scheduled for later, not finished) in all. Above that, `unavailable`.',
  ),
  MAX_QUEUED_BYTES: bytes(1_073_741_824, 65_536, 68_719_476_736).describe(
    'Size of all open commands. Above that, `unavailable`. Of both, one group may use as much as is still free, so the first group that is away gets half. Commands that wait only for observers have a quarter of their own.',
  ),
  QUEUED_PER_USER: count(10_000, 1, 100_000_000).describe('Open commands of one user. Above that, `rate_limited`.'),
  QUEUED_BYTES_PER_USER: bytes(16_777_216, 1_024, 68_719_476_736).describe(
    'Size of one user’s open commands. Above that, `rate_limited`.',
  ),
  MAX_DEAD: count(100_000, 1, 10_000_000).describe('Dead letters kept. Above that, the oldest are dropped.'),
  MAX_DEAD_BYTES: bytes(268_435_456, 65_536, 68_719_476_736).describe(
    'Size of the dead letters kept. Above that, the oldest are dropped. Of both, one user has at most a tenth, and loses their own oldest first.',
  ),
}

const events = {
  SESSION_TTL: ms(604_800_000, 1_000, 31_536_000_000).describe(
    'How long a persistent session outlives its connection, at most.',
  ),
  MAX_OFFLINE_EVENTS: count(10_000, 1, 60_000).describe(
    'Events kept for one persistent session. Above that, the oldest are dropped.',
  ),
  MAX_OFFLINE_BYTES: bytes(16_777_216, 65_536, 1_073_741_824).describe(
    'Size of the events kept for one persistent session. Above that, the oldest are dropped.',
  ),
  INBOX_EVENTS: count(1_000, 1, 10_000).describe(
    'Events of one user that `sync_events` can bring back. Above that, the oldest are forgotten.',
  ),
  INBOX_AGE: ms(86_400_000, 1_000, 31_536_000_000).describe('How long `sync_events` can bring an event back.'),
  KEPT_BYTES_PER_USER: bytes(67_108_864, 65_536, 68_719_476_736).describe(
    'Size of all events kept for one user, in the inbox and in sessions. Above that, their oldest are forgotten.',
  ),
  MAX_KEPT_BYTES: bytes(1_073_741_824, 65_536, 1_099_511_627_776).describe(
    'Size of all events kept for all users. Above that, the users who hold the most lose their oldest.',
  ),
  MAX_UNSENT_BYTES: bytes(1_048_576, 16_384, 268_435_456).describe(
    'What may wait in a slow subscriber’s socket. Above that, QoS 0 is dropped; QoS 1 disconnects the subscriber and waits in their session.',
  ),
  MAX_ALL_UNSENT_BYTES: bytes(268_435_456, 65_536, 68_719_476_736).describe(
    'What may wait in all subscribers’ sockets. Above that, those for whom the most waits are disconnected; QoS 1 waits in their sessions.',
  ),
  MAX_SESSION_BYTES: bytes(536_870_912, 65_536, 68_719_476_736).describe(
    'Size of all sessions, connected or kept, with their subscriptions. Above that, users with the most sessions without a connection lose their oldest; if there are none, logins and subscriptions are refused. One user has at most a tenth.',
  ),
  MAX_RETAINED: count(10_000, 0, 10_000_000).describe('Retained messages of open topics. Above that, `rate_limited`.'),
  MAX_RETAINED_BYTES: bytes(268_435_456, 0, 68_719_476_736).describe(
    'Size of all retained messages. Above that, `rate_limited`.',
  ),
  RETAINED_PER_USER: count(1_000, 0, 10_000_000).describe(
    'Retained messages that one user published last. Above that, `rate_limited`.',
  ),
  RETAINED_BYTES_PER_USER: bytes(16_777_216, 0, 68_719_476_736).describe(
    'Size of one user’s retained messages. Above that, `rate_limited`.',
  ),
}

const limits = {
  MAX_PACKET_BYTES: bytes(262_144, 16_384, 16_777_216).describe(
    'Largest MQTT packet. A larger one ends its connection.',
  ),
  MAX_KEEPALIVE: seconds(3_600, 10, 65_535).describe(
    'Longest keepalive. A client that asks for more, or for none, is held to this.',
  ),
  CONNECT_TIMEOUT: ms(5_000, 100, 60_000).describe('How long a new connection may take to send its CONNECT.'),
  CONNECTIONS_PER_ADDRESS: count(20_000, 1, 10_000_000).describe(
    'Connections from one address (IPv6: one /64) at a time. More are closed before the TLS handshake.',
  ),
  CONNECTS_PER_ADDRESS: count(30_000, 1, 10_000_000).describe(
    'New connections a minute from one address that do not log in. More are closed, unless a handler has logged in from there in the last day.',
  ),
  CONNECTS_PER_CLIENT: count(15, 1, 1_000_000).describe(
    'Connects a minute of one user’s one client id. More get it refused for `CONNECT_BAN`.',
  ),
  CONNECT_BAN: ms(300_000, 1_000, 86_400_000).describe('How long a client that connects too often is refused.'),
  SESSIONS_PER_USER: count(100, 1, 100_000).describe(
    'Sessions of one user, connected or kept. Above that, the oldest one without a connection ends; if all are connected, the new one is refused.',
  ),
  SUBSCRIPTIONS_PER_SESSION: count(1_000, 1, 100_000).describe('Subscriptions of one session. More are refused.'),
  PUBLISHES_PER_USER: count(5_000, 1, 10_000_000).describe(
    'Commands and open-topic messages of one user in ten seconds. Above that, `rate_limited`; above twice that, disconnected.',
  ),
  PACKETS_PER_CONNECTION: count(20_000, 10, 100_000_000).describe(
    'Packets on one device’s connection in ten seconds; a SUBSCRIBE counts once per filter. Above that, disconnected.',
  ),
  HALF_OPEN_PER_SESSION: count(1_000, 1, 65_535).describe(
    'QoS 2 messages of one session that wait for their PUBREL. Above that, disconnected.',
  ),
}

export const SECTIONS = {
  Platform: platform,
  Listening: listening,
  'Certificates, secrets and keys': identity,
  Handlers: handlers,
  'People and calls': people,
  TURN: turn,
  Push: push,
  Commands: commands,
  'Sessions and events': events,
  'Limits of connections': limits,
}

/** Settings that hold a secret. Each may be in a file instead, which NAME_FILE names. */
export const SECRETS = [
  'SECRET',
  'OPERATOR_TOKEN',
  'HANDLER_KEY',
  'HANDLER_KEYS',
  'MONGODB_URL',
  'TURN_SECRET',
  'TURN_SECRET_STORE',
  'VAPID_PRIVATE_KEY',
] as const

export const settings = z.object({
  ...platform,
  ...listening,
  ...identity,
  ...handlers,
  ...people,
  ...turn,
  ...push,
  ...commands,
  ...events,
  ...limits,
})
