import { PassThrough } from 'node:stream'
import { expect, test } from '@jest/globals'
import { parser, type IPubackPacket, type Packet } from 'mqtt-packet'
import { Outbox } from '../../../shared/outbox.ts'
import { Acks } from './acks.ts'

/** The acknowledgements of a connection, and those that its client has received. */
function acksOf(version: 4 | 5, problems = true) {
  const conn = new PassThrough()
  const outbox = new Outbox(conn)
  const client = { version, _requestProblemInformation: problems, closed: false, conn }
  const reader = parser({ protocolVersion: version })
  const got: string[] = []
  reader.on('packet', (packet: Packet) => {
    const { cmd, messageId, reasonCode = 0, properties } = packet as IPubackPacket
    const reason = properties?.reasonString
    got.push([cmd, messageId, ...(reasonCode ? [reasonCode.toString(16)] : []), ...(reason ? [reason] : [])].join(' '))
  })
  conn.on('data', (bytes: Buffer) => reader.parse(bytes))
  const acks = new Acks(client, outbox)
  /** What it has received so far. */
  const heard = (): string[] => {
    outbox.flush()
    return got
  }
  return { acks, client, heard }
}
const refused = { code: 'forbidden', reason: 'not allowed' } as const

test.each([4, 5] as const)(
  'are sent in the order of the PUBLISHes, whichever is finished first (level %d)',
  (version) => {
    const { acks, heard } = acksOf(version)
    const [first, second, third, fourth] = [acks.expect(7, 1), acks.expect(0, 0), acks.expect(8, 2), acks.expect(9, 1)]
    acks.settle(fourth, undefined)
    acks.settle(third, undefined)
    acks.settle(second, undefined)
    expect(heard()).toEqual([])
    acks.settle(first, undefined)
    expect(heard()).toEqual(['puback 7', 'pubrec 8', 'puback 9'])
  },
)

test('stay in order over thousands, in whatever order the core finishes them', () => {
  const { acks, heard } = acksOf(4)
  const numbers = Array.from({ length: 5_000 }, (_, i) => acks.expect(i + 1, 1))
  for (let i = 0; i < numbers.length; i += 2) acks.settle(numbers[i]!, undefined)
  for (let i = 1; i < numbers.length; i += 2) acks.settle(numbers[i]!, undefined)
  expect(heard()).toEqual(numbers.map((_, i) => `puback ${i + 1}`))
  acks.settle(acks.expect(1, 1), undefined)
  expect(heard().at(-1)).toBe('puback 1')
})

test('on MQTT 5 a refusal is a reason code, with a Reason String if the client wants it', () => {
  const [told, untold] = [acksOf(5), acksOf(5, false)]
  for (const { acks } of [told, untold]) {
    acks.settle(acks.expect(1, 1), refused)
    acks.settle(acks.expect(2, 2), { code: 'unavailable', reason: 'the disk is full' })
    acks.settle(acks.expect(3, 1), { code: 'fault', reason: 'internal' })
  }
  expect(told.heard()).toEqual(['puback 1 87 not allowed', 'pubrec 2 97 the disk is full', 'puback 3 80 internal'])
  expect(untold.heard()).toEqual(['puback 1 87', 'pubrec 2 97', 'puback 3 80'])
})

test('on 3.1.1 a refused PUBLISH gets a PUBACK, but one that was not stored gets none', () => {
  const { acks, heard } = acksOf(4)
  acks.settle(acks.expect(1, 1), refused)
  acks.settle(acks.expect(2, 1), { code: 'unavailable', reason: 'the disk is full' })
  acks.settle(acks.expect(3, 2), { code: 'fault', reason: 'internal' })
  acks.settle(acks.expect(4, 1), undefined)
  expect(heard()).toEqual(['puback 1', 'puback 4'])
})

test('each counts once, and none is sent after the connection has ended', () => {
  const { acks, client, heard } = acksOf(5)
  const one = acks.expect(1, 1, 100)
  expect([acks.settle(one, undefined), acks.settle(one, undefined), acks.settle(77, undefined)]).toEqual([100, 0, 0])
  client.closed = true
  acks.settle(acks.expect(2, 1), undefined)
  expect(heard()).toEqual(['puback 1'])
})
