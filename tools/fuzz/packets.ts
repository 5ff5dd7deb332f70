import { generate, type IConnectPacket, type Packet, type QoS } from 'mqtt-packet'

/** Numbers from 0 up to 1. */
export type Random = () => number

export function oneOf<T>(random: Random, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)]!
}

const WORDS = ['whoami', 'get_contact_list', 'request_contact', 'no_such_word', 'refresh_session']
const TOPICS = ['fuzz/a', 'fuzz/a/b', 'fuzz/__proto__', 'alice_events', 'mallory_events', '$SYS/x', 'constructor']
/** A packet that ends its connection. */
const FATAL = ['', 'a/+', '#', 'a\u0000b']
const FILTERS = [
  'fuzz/#',
  'fuzz/+/b',
  '#',
  '+',
  'alice_events',
  'mallory_session_info',
  '$share/g/fuzz/a',
  '__proto__',
  '7',
  'a#',
]
const PAYLOADS = ['{}', '', '{"user_id":"bob"}', '{"id":7}', '[', '{"__proto__":1}', 'x'.repeat(300), '{"token":"x"}']

/** The bytes of a valid packet that a client may send, of MQTT 3.1.1 or 5. */
export function validPacket(random: Random, version: 4 | 5): Buffer {
  const messageId = 1 + Math.floor(random() * 20)
  const properties = version === 5 && random() < 0.5 ? { properties: someProperties(random) } : {}
  const packets: (() => Packet)[] = [
    () => {
      const qos = oneOf<QoS>(random, [0, 1, 2])
      const topic = oneOf(random, random() < 0.01 ? FATAL : random() < 0.6 ? WORDS : TOPICS)
      const [payload, retain, dup] = [oneOf(random, PAYLOADS), random() < 0.1, qos > 0 && random() < 0.2]
      return { cmd: 'publish', topic, payload, qos, retain, dup, messageId, ...properties }
    },
    () => ({
      cmd: 'subscribe',
      messageId,
      subscriptions: [{ topic: oneOf(random, FILTERS), qos: oneOf<QoS>(random, [0, 1, 2]) }],
    }),
    () => ({ cmd: 'unsubscribe', messageId, unsubscriptions: [oneOf(random, FILTERS)] }),
    () => ({ cmd: oneOf(random, ['puback', 'pubrec', 'pubrel', 'pubcomp'] as const), messageId }),
    () => ({ cmd: 'pingreq' }),
  ]
  const weights = [6, 2, 1, 2, 1]
  const packet = oneOf(
    random,
    weights.flatMap((weight, i) => Array.from({ length: weight }, () => packets[i]!)),
  )()
  return generate(packet, { protocolVersion: version })
}

function someProperties(random: Random): object {
  const all = {
    payloadFormatIndicator: true,
    messageExpiryInterval: Math.floor(random() * 100),
    responseTopic: oneOf(random, ['mallory_events', 'alice_events', 'fuzz/a']),
    correlationData: Buffer.from('abc'),
    contentType: 'application/json',
    userProperties: { 'user-id': 'alice', colour: 'red' },
  }
  return Object.fromEntries(Object.entries(all).filter(() => random() < 0.4))
}

/** A CONNECT that logs this user in. */
export function connectPacket(random: Random, version: 4 | 5, token: string): Buffer {
  const will = random() < 0.3 && {
    will: {
      topic: oneOf(random, ['whoami', 'fuzz/will']),
      payload: Buffer.from('{}'),
      qos: oneOf<QoS>(random, [0, 1, 2]),
      retain: false,
    },
  }
  const lasting = version === 5 && random() < 0.3 && { properties: { sessionExpiryInterval: 1, receiveMaximum: 10 } }
  const packet: IConnectPacket = {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: version,
    clientId: `c${Math.floor(random() * 30)}`,
    username: 'JWT',
    password: Buffer.from(token),
    keepalive: 30,
    clean: random() < 0.7,
    ...will,
    ...lasting,
  }
  return generate(packet, { protocolVersion: version })
}
