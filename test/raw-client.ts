import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { generate, parser, type IConnectPacket, type Packet } from 'mqtt-packet'
import { tokenFor } from './device.ts'
import type { Stage } from './stage.ts'

/** A client of a test that says what no library would: packets as they are, over a real socket. */
export interface RawClient {
  readonly socket: TLSSocket
  send(...packets: Packet[]): void
  /** The next packet of these kinds; others are left out. */
  hears(...kinds: Packet['cmd'][]): Promise<Packet>
  readonly closed: Promise<unknown>
}

export async function openRaw(stage: Stage): Promise<RawClient> {
  const socket = connect({ port: stage.broker.ports.mqtts, host: '127.0.0.1', ca: stage.ca })
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await once(socket, 'secureConnect')
  socket.setNoDelay(true)
  stage.keep({ close: async () => void socket.destroy() })
  const reader = parser({ protocolVersion: 4 })
  const heard: Packet[] = []
  let wake = (): void => {}
  reader.on('packet', (packet) => {
    heard.push(packet)
    wake()
  })
  socket.on('data', (chunk) => reader.parse(chunk))
  return {
    socket,
    closed,
    send: (...packets) => void socket.write(Buffer.concat(packets.map((one) => generate(one, { protocolVersion: 4 })))),
    async hears(...kinds) {
      for (;;) {
        const at = heard.findIndex(({ cmd }) => kinds.includes(cmd))
        if (at >= 0) return heard.splice(0, at + 1)[at]!
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
  }
}

/** A raw MQTT 3.1.1 client that is connected. */
export async function connectRaw(stage: Stage, sub: string, more: Partial<IConnectPacket> = {}): Promise<RawClient> {
  const client = connectOn(await openRaw(stage), stage, sub, more)
  await client.hears('connack')
  return client
}

/** Sends a CONNECT and awaits nothing. */
export function connectOn(client: RawClient, stage: Stage, sub: string, more: Partial<IConnectPacket> = {}): RawClient {
  const password = Buffer.from(tokenFor(sub, stage.secret))
  const login = { clientId: 'raw', username: 'JWT', password, keepalive: 60, clean: true }
  client.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, ...login, ...more })
  return client
}
