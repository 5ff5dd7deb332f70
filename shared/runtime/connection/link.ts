import { isIP } from 'node:net'
import { connect, type SecureContext, type TLSSocket } from 'node:tls'
import { decodeConnack, encodeConnect, type Connack, type Login } from '../../wire/mqtt/connect.ts'
import { Outbox } from '../../outbox.ts'
import { Frames } from '../../wire/mqtt/frames.ts'
import { MalformedPacket, PROTOCOL_ERROR } from '../../wire/mqtt/malformed.ts'
import { BrokerRefusal, ConnectionLost } from './client-faults.ts'

/** The largest packet that MQTT allows [2.1.4]. */
export const LARGEST_PACKET = 268_435_455 + 5
/** Milliseconds in which a connection must be established, CONNACK included. */
const CONNECT_TIMEOUT = 30_000
/** Milliseconds for a socket to close after its DISCONNECT. */
const END_TIMEOUT = 2_000
const PINGREQ = Buffer.from([0xc0, 0])
const DISCONNECT = Buffer.from([0xe0, 0])

export interface LinkOptions {
  /** `mqtts://host:port` */
  readonly url: string
  readonly login: Login
  /** The trusted certificates, asked for with each connection. */
  secureContext(): SecureContext
}

export interface LinkListener {
  /** The broker has accepted the connection. */
  up(connack: Connack): void
  /** A packet came after CONNACK. @throws {MalformedPacket} when it must not come, which closes the connection */
  packet(packet: Buffer): void
  failed(err: Error): void
  /** The connection is over, failed or not: always the last call. */
  closed(): void
}

/** One MQTT connection, from TLS and CONNECT to its close, with PINGREQs. Writes of one turn of the event loop are sent as one. */
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

  /** Sends what is buffered and a DISCONNECT, and resolves when the socket has closed. */
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

  /** Closes the connection at once. */
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

  /** Handles the first packet, which must be a CONNACK. @throws {BrokerRefusal | MalformedPacket} */
  #accepted(packet: Buffer): void {
    if (packet[0]! >> 4 !== 2) {
      throw new MalformedPacket(PROTOCOL_ERROR, 'the first packet from the broker is not a CONNACK') // [MQTT-3.2.0-1]
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
   * Sends a PINGREQ at every keepalive interval, whatever else was sent, because its answer shows that the broker is alive. Closes
   * the connection when nothing comes within half an interval after it.
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
