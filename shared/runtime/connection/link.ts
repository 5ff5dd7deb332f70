import { isIP } from 'node:net'
import { connect, type SecureContext, type TLSSocket } from 'node:tls'
import { decodeConnack, encodeConnect, type Connack, type Login } from '../../wire/mqtt/connect.ts'
import { Outbox } from '../../outbox.ts'
import { Frames } from '../../wire/mqtt/frames.ts'
import { MalformedPacket, PROTOCOL_ERROR } from '../../wire/mqtt/malformed.ts'
import { BrokerRefusal, ConnectionLost } from './client-faults.ts'

/** The largest packet that MQTT can name [2.1.4]. */
export const LARGEST_PACKET = 268_435_455 + 5
/** Milliseconds in which a connection must stand, CONNACK included. */
const CONNECT_TIMEOUT = 30_000
/** Milliseconds that a socket has to close after its DISCONNECT. */
const END_TIMEOUT = 2_000
const PINGREQ = Buffer.from([0xc0, 0])
const DISCONNECT = Buffer.from([0xe0, 0])

export interface LinkOptions {
  /** `mqtts://host:port` */
  readonly url: string
  readonly login: Login
  /** Whom to believe, asked for at each connection. */
  secureContext(): SecureContext
}

export interface LinkListener {
  /** The broker has accepted the connection. */
  up(connack: Connack): void
  /** A packet came behind CONNACK. @throws {MalformedPacket} when it is none that may come: the connection is closed */
  packet(packet: Buffer): void
  failed(err: Error): void
  /** It is over, failed or not: always the last. */
  closed(): void
}

/**
 * One MQTT connection: from TLS through CONNECT to its close, with PINGREQs. What is written in one turn of the event loop goes out
 * in one write.
 */
export class Link {
  readonly #socket: TLSSocket
  readonly #listener: LinkListener
  readonly #login: Login
  readonly #outbox: Outbox
  readonly #frames = new Frames(LARGEST_PACKET)
  readonly #timer: NodeJS.Timeout
  #pings: NodeJS.Timeout | undefined
  #isUp = false
  #isHeard = false

  constructor(options: LinkOptions, listener: LinkListener) {
    const { login } = options
    const { hostname, port } = new URL(options.url)
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    const named = isIP(host) === 0 && { servername: host }
    const socket = connect({ host, port: Number(port || 8883), secureContext: options.secureContext(), ...named })
    this.#socket = socket
    this.#outbox = new Outbox(socket)
    this.#listener = listener
    this.#login = login
    this.#timer = setTimeout(() => socket.destroy(), CONNECT_TIMEOUT)
    socket.setNoDelay(true)
    socket.once('secureConnect', () => socket.write(encodeConnect(login)))
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', (err) => listener.failed(err))
    socket.once('close', () => {
      clearTimeout(this.#timer)
      clearInterval(this.#pings)
      listener.closed()
    })
  }

  write(packet: Buffer): void {
    this.#outbox.write(packet)
  }

  /** Sends what waits and a DISCONNECT, and resolves when the socket has closed. */
  async end(): Promise<void> {
    const socket = this.#socket
    if (socket.closed) return
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    if (!this.#isUp) socket.destroy()
    else {
      this.write(DISCONNECT)
      this.#outbox.flush()
      socket.end()
    }
    const timer = setTimeout(() => socket.destroy(), END_TIMEOUT)
    await closed
    clearTimeout(timer)
  }

  /** Closes it now. */
  destroy(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    this.#isHeard = true
    this.#frames.push(chunk)
    try {
      for (let packet = this.#frames.next(); packet && !this.#socket.destroyed; packet = this.#frames.next()) {
        if (this.#isUp) this.#listener.packet(packet)
        else this.#accepted(packet)
      }
    } catch (err) {
      this.#socket.destroy(err as Error)
    }
  }

  /** The first packet. @throws {BrokerRefusal | MalformedPacket} */
  #accepted(packet: Buffer): void {
    if (packet[0]! >> 4 !== 2) {
      throw new MalformedPacket(PROTOCOL_ERROR, 'the broker began with another packet than CONNACK') // [MQTT-3.2.0-1]
    }
    const connack = decodeConnack(packet)
    if (connack.reasonCode >= 0x80) {
      throw new BrokerRefusal(connack.reasonCode, connack.reasonString, 'the broker refused the connection: ')
    }
    clearTimeout(this.#timer)
    this.#isUp = true
    this.#keepAlive(connack.serverKeepAlive ?? this.#login.keepalive)
    this.#listener.up(connack)
  }

  /**
   * Sends a PINGREQ each time that a keepalive has passed, whatever else was sent: its answer says that the broker is there. Within
   * half of one more something must come.
   */
  #keepAlive(seconds: number): void {
    if (seconds === 0) return
    let halves = 0
    this.#pings = setInterval(() => {
      if (++halves % 2 === 0) {
        this.#isHeard = false
        this.write(PINGREQ)
      } else if (halves > 1 && !this.#isHeard) this.#socket.destroy(new ConnectionLost('the broker does not answer'))
    }, seconds * 500)
  }
}
