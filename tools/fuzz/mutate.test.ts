import { expect, test } from '@jest/globals'
import { parser } from 'mqtt-packet'
import { seeded } from '../random.ts'
import { mutate } from './mutate.ts'
import { connectPacket, validPacket } from './packets.ts'

test('the same seed gives the same packets, another seed gives others', () => {
  const series = (seed: number): string[] => {
    const random = seeded(seed)
    return Array.from({ length: 200 }, () => {
      const packet = validPacket(random, 5)
      return mutate(packet, random, validPacket(random, 4)).toString('hex')
    })
  }
  expect(series(1)).toEqual(series(1))
  expect(series(1)).not.toEqual(series(2))
})

test.each([4, 5] as const)('packets called valid can be parsed (MQTT %d)', (protocolVersion) => {
  const random = seeded(7)
  const kinds = new Set<string>()
  const reader = parser({ protocolVersion })
  reader.on('packet', ({ cmd }) => kinds.add(cmd))
  reader.on('error', (err) => {
    throw err
  })
  for (let i = 0; i < 500; i++) reader.parse(validPacket(random, protocolVersion))
  reader.parse(connectPacket(random, protocolVersion, 'token'))
  expect([...kinds]).toEqual(
    expect.arrayContaining(['connect', 'publish', 'subscribe', 'unsubscribe', 'pubrel', 'pingreq']),
  )
})
