import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { generate, parser, type IConnectPacket, type Packet } from 'mqtt-packet'
import { tokenFor } from './device.ts'
import type { Stage } from './stage.ts'

/** A test client that can send what no library would: raw packets, over a real socket. */
export interface RawClient {
  readonly socket: TLSSocket
  send(...packets: Packet[]): void
  /** The next packet of these kinds; skips others. */
  hears(...kinds: Packet['cmd'][]): Promise<Packet>
  readonly closed: Promise<unknown>
}

export async function openRaw(stage: Stage, protocolVersion: 4 | 5 = 4): Promise<RawClient> {
  const socket = connect({ port: stage.broker.ports.mqtts, host: '127.0.0.1', ca: stage.ca })
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await once(socket, 'secureConnect')
  socket.setNoDelay(true)
  stage.keep({ close: async () => void socket.destroy() })
  const reader = parser({ protocolVersion })
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
    send: (...packets) => void socket.write(Buffer.concat(packets.map((one) => generate(one, { protocolVersion })))),
    async hears(...kinds) {
      for (;;) {
        const at = heard.findIndex(({ cmd }) => kinds.includes(cmd))
        if (at >= 0) return heard.splice(0, at + 1)[at]!
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
  }
}

/** A connected raw client, of MQTT 3.1.1 unless `more` says 5. */
export async function connectRaw(stage: Stage, sub: string, more: Partial<IConnectPacket> = {}): Promise<RawClient> {
  const client = connectOn(await openRaw(stage, more.protocolVersion === 5 ? 5 : 4), stage, sub, more)
  await client.hears('connack')
  return client
}

/** Sends a CONNECT and waits for nothing. */
export function connectOn(client: RawClient, stage: Stage, sub: string, more: Partial<IConnectPacket> = {}): RawClient {
  client.send(connectPacket(stage, sub, more))
  return client
}

export function connectPacket(stage: Stage, sub: string, more: Partial<IConnectPacket> = {}): IConnectPacket {
  const password = Buffer.from(tokenFor(sub, stage.secret))
  const login = { clientId: 'raw', username: 'JWT', password, keepalive: 60, clean: true }
  return { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, ...login, ...more }
}
