import type { Puback } from '../../shared/wire/mqtt/puback.ts'
import type { Publish, PublishProperties, Version } from '../../shared/wire/mqtt/publish.ts'
import { oneOf, type Random } from './packets.ts'

// prettier-ignore
const TEXTS = [
  'a', 'a/b/c', 'whoami', 'alice_events', '__proto__', 'constructor', 'toString', '+/#', '\t\u007f', 'x'.repeat(300),
  'exactly 16 bytes', '17 bytes and more', 'Grüße', '東京', '🦊', '\ufeffa', '\ufffd', '\uffff', 'é'.repeat(8), 'é'.repeat(20),
]
/** Lengths around those that need one more byte. */
const SIZES = [0, 1, 2, 100, 110, 120, 127, 128, 300, 16_300, 16_383, 16_384, 70_000]

const text = (random: Random): string => (random() < 0.1 ? '' : oneOf(random, TEXTS))
const upTo = (random: Random, most: number): number => Math.floor(random() ** 4 * (most + 1))
const bytes = (random: Random, length: number): Buffer => Buffer.alloc(length, Math.floor(random() * 256))

/** Any valid PUBLISH. */
export function somePublish(random: Random, version: Version): Publish {
  const qos = oneOf(random, [0, 1, 2] as const)
  const properties = version === 5 && random() < 0.8 ? someProperties(random) : undefined
  const isNamed = properties?.topicAlias === undefined || random() < 0.5
  return {
    topic: isNamed ? oneOf(random, TEXTS) : '',
    payload: bytes(random, random() < 0.005 ? oneOf(random, SIZES) : upTo(random, 130)),
    qos,
    dup: random() < 0.3,
    retain: random() < 0.3,
    messageId: qos === 0 ? 0 : 1 + upTo(random, 65_534),
    properties: properties && Object.keys(properties).length > 0 ? properties : undefined,
  }
}

function someProperties(random: Random): PublishProperties {
  const several = <T>(make: () => T): T[] => Array.from({ length: 1 + upTo(random, 9) }, make)
  const all: Required<PublishProperties> = {
    payloadFormatIndicator: random() < 0.5,
    messageExpiryInterval: upTo(random, 0xffff_ffff),
    topicAlias: 1 + upTo(random, 65_534),
    responseTopic: text(random),
    correlationData: bytes(random, upTo(random, 200)),
    userProperties: several(() => [text(random), text(random)]),
    subscriptionIdentifiers: several(() => 1 + upTo(random, 268_435_454)),
    contentType: text(random),
  }
  return Object.fromEntries(Object.entries(all).filter(() => random() < 0.35))
}

/** Any valid PUBACK. */
export function somePuback(random: Random, version: Version): Puback {
  const messageId = 1 + upTo(random, 65_534)
  if (version !== 5 || random() < 0.3) return { messageId, reasonCode: 0, reasonString: undefined }
  const reasonCode = oneOf(random, [0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
  return { messageId, reasonCode, reasonString: random() < 0.5 ? text(random) : undefined }
}
