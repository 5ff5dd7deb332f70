import { PassThrough } from 'node:stream'
import { expect, test } from '@jest/globals'
import type { PublishPacket } from 'aedes'
import { parser } from 'mqtt-packet'
import { refuse } from '../../../shared/wire/refusal.ts'
import { answerInOrder } from './acknowledge.ts'
import type { InnerClient } from './internals.ts'

function clientOf(version: 4 | 5): { client: InnerClient; conn: PassThrough } {
  const conn = new PassThrough()
  return { client: { conn, version } as unknown as InnerClient, conn }
}

function packetOf(messageId: number): PublishPacket {
  return { cmd: 'publish', topic: '$sink', payload: '', qos: 1, messageId, dup: false, retain: false }
}

/** Runs the work and tells whether Aedes is left to acknowledge the packet, and when. */
function answered(client: InnerClient, packet: PublishPacket, work?: () => void | Promise<void>): Promise<unknown> {
  return new Promise((resolve) => answerInOrder(client, packet, work, (err) => resolve(err ?? packet.qos)))
}

test('nothing is acknowledged before it is stored, nor before what came earlier', async () => {
  const { client } = clientOf(4)
  const order: number[] = []
  let stored = (): void => {}
  const storing = new Promise<void>((resolve) => (stored = resolve))
  const first = answered(client, packetOf(1), () => storing).then(() => order.push(1))
  const second = answered(client, packetOf(2)).then(() => order.push(2))
  await new Promise(setImmediate)
  expect(order).toEqual([])
  stored()
  await Promise.all([first, second])
  expect(order).toEqual([1, 2])
})

test('on 3.1.1 a refusal counts as taken, but what was not stored gets no PUBACK', async () => {
  const { client } = clientOf(4)
  expect(await answered(client, packetOf(1), () => Promise.reject(refuse('forbidden')))).toBe(1)
  expect(await answered(client, packetOf(2), () => Promise.reject(refuse('unavailable')))).toBe(0)
})

test('on MQTT 5 a refusal is the PUBACK’s reason code', async () => {
  const { client, conn } = clientOf(5)
  const reader = parser({ protocolVersion: 5 })
  const puback = new Promise((resolve) => reader.on('packet', resolve))
  conn.on('data', (chunk: Buffer) => reader.parse(chunk))
  expect(await answered(client, packetOf(7), () => Promise.reject(refuse('forbidden')))).toBe(0)
  expect(await puback).toMatchObject({ cmd: 'puback', messageId: 7, reasonCode: 0x87 })
})

test('a fault is no acknowledgement', async () => {
  const { client } = clientOf(4)
  const fault = new Error('the disk is gone')
  expect(await answered(client, packetOf(1), () => Promise.reject(fault))).toBe(fault)
})
