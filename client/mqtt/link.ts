import type { OpenSocket, Socket } from '../socket/socket.ts'
import { PacketStream, type Connack, type Packet } from './decode.ts'
import {
  bytesOf,
  connectPacket,
  GOODBYE,
  PING,
  pubackPacket,
  publishPacket,
  subscribePacket,
  type Login,
} from './encode.ts'

/** How a link ended. `reason` is the code of the broker's DISCONNECT, if there was one. */
export interface LinkEnd {
  reason?: number
  text: string
}

export interface LinkEvents {
  /** The broker has answered the login: it let the client in, or refused it and closes. */
  answered(connack: Connack): void
  message(payload: string, isDup: boolean): void
  /** Called once, whatever happens. */
  ended(end: LinkEnd): void
}

/** Milliseconds for TCP, TLS and the login. */
const OPENING = 15_000
/** Milliseconds between two looks at what is overdue. */
const TICK = 2_000
/** An answer that has not come after so long is asked after by a PINGREQ, and a PINGRESP that has not come ends the link. */
const PATIENCE = 4_000
/** Milliseconds between two PINGREQ. */
const PING_EVERY = 25_000
/** A tick that is so late means that the machine, or the page, was asleep. */
const ASLEEP = 10_000
/** Milliseconds for the PINGRESP after waking. */
export const AWAKE = 3_000

/** One MQTT connection, from its login to its end. It finds out within seconds when the other side is gone. */
export class Link {
  readonly #socket: Socket
  readonly #events: LinkEvents
  readonly #stream = new PacketStream()
  readonly #acks = new Map<number, (reason: number) => void>()
  readonly #clock: ReturnType<typeof setInterval>
  #opening: ReturnType<typeof setTimeout> | undefined
  #probe: ReturnType<typeof setTimeout> | undefined
  #lastId = 0
  #tickAt = Date.now()
  #heardAt = Date.now()
  #pingAt = Date.now()
  #isEnded = false

  /** @throws when the socket cannot even be made, as for a URL that is none */
  constructor(open: OpenSocket, url: string, login: Login, events: LinkEvents) {
    this.#events = events
    this.#socket = open(url, {
      opened: () => this.#send(connectPacket(login)),
      received: (bytes) => this.#receive(bytes),
      closed: (why) => this.#end(why),
    })
    this.#opening = setTimeout(() => this.#end('no answer to the login'), OPENING)
    this.#clock = setInterval(() => this.#tick(), TICK)
  }

  /** Publishes at QoS 1; the PUBACK's reason code is told, unless the link ends before. */
  publish(topic: string, payload: string, acknowledged: (reason: number) => void): void {
    const id = this.#nextId()
    this.#acks.set(id, acknowledged)
    this.#send(publishPacket(topic, bytesOf(payload), id))
  }

  /** Publishes at QoS 0. */
  publishOnce(topic: string, payload: string): void {
    this.#send(publishPacket(topic, bytesOf(payload)))
  }

  subscribe(filter: string, granted: (reason: number) => void): void {
    const id = this.#nextId()
    this.#acks.set(id, granted)
    this.#send(subscribePacket(filter, id))
  }

  /** Ends the link when nothing comes within so many milliseconds. */
  probe(within: number): void {
    if (this.#isEnded || this.#probe !== undefined || this.#opening !== undefined) return
    this.#ping()
    this.#probe = setTimeout(() => this.#end('the broker does not answer'), within)
  }

  /** Ends the session too. */
  leave(): void {
    this.#send(GOODBYE)
    this.#end('left')
  }

  /** Ends the connection, not the session. */
  drop(): void {
    this.#end('dropped')
  }

  #receive(bytes: Uint8Array): void {
    this.#heardAt = Date.now()
    clearTimeout(this.#probe)
    this.#probe = undefined
    try {
      for (const packet of this.#stream.push(bytes)) if (!this.#isEnded) this.#take(packet)
    } catch (err) {
      this.#end(`the broker sent something that is not MQTT: ${(err as Error).message}`)
    }
  }

  #take(packet: Packet): void {
    switch (packet.kind) {
      case 'connack':
        clearTimeout(this.#opening)
        this.#opening = undefined
        return this.#events.answered(packet)
      case 'publish':
        if (packet.packetId !== undefined) this.#send(pubackPacket(packet.packetId))
        return this.#events.message(packet.payload, packet.isDup)
      case 'puback':
      case 'suback': {
        const acknowledged = this.#acks.get(packet.packetId)
        this.#acks.delete(packet.packetId)
        return acknowledged?.(packet.reason)
      }
      case 'disconnect':
        return this.#end(`the broker ended the connection (0x${packet.reason.toString(16)})`, packet.reason)
      case 'pingresp':
    }
  }

  #tick(): void {
    const now = Date.now()
    const [sinceTick, sinceHeard, sincePing] = [now - this.#tickAt, now - this.#heardAt, now - this.#pingAt]
    this.#tickAt = now
    if (this.#opening !== undefined) return
    // A clock that was set looks like sleep, which costs a PINGREQ.
    if (sinceTick > ASLEEP || sinceTick < 0) return this.probe(AWAKE)
    if (this.#pingAt > this.#heardAt && sincePing >= PATIENCE) return this.#end('the broker does not answer')
    if (sincePing >= PING_EVERY || (this.#acks.size > 0 && sinceHeard >= PATIENCE && this.#pingAt <= this.#heardAt))
      this.#ping()
  }

  #ping(): void {
    this.#pingAt = Date.now()
    this.#send(PING)
  }

  #send(bytes: Uint8Array): void {
    if (!this.#isEnded) this.#socket.send(bytes)
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId % 0xffff) + 1
    while (this.#acks.has(this.#lastId))
    return this.#lastId
  }

  #end(text: string, reason?: number): void {
    if (this.#isEnded) return
    this.#isEnded = true
    clearInterval(this.#clock)
    clearTimeout(this.#opening)
    clearTimeout(this.#probe)
    this.#acks.clear()
    this.#socket.close()
    this.#events.ended({ text, ...(reason !== undefined && { reason }) })
  }
}
