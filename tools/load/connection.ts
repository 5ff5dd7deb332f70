import { once } from 'node:events'
import { connect, type SecureContext, type TLSSocket } from 'node:tls'
import { Outbox } from '../../shared/outbox.ts'
import { connectPacket, DISCONNECT, pubackPacket, Reader, subscribePacket, type Login } from './codec.ts'

export interface Address {
  host: string
  port: number
  context: SecureContext
}

/** All sockets read into this one: whatever arrives is understood before the next thing arrives. */
const INPUT = Buffer.allocUnsafe(65_536)
/** A device of the load: a TLS connection that costs little, and writes once a turn. */
export class Connection {
  /** Publishes that the broker has taken, and those that it has refused. */
  acknowledged = 0
  refused = 0
  /** Gets the payload of each PUBLISH: bytes, from, to. */
  hears: (bytes: Buffer, from: number, to: number) => void = () => {}
  readonly #socket: TLSSocket
  readonly #answers = new Map<string, (reasons: number[]) => void>()
  readonly #outbox: Outbox
  #lastId = 0
  #isClosing = false

  private constructor({ host, port, context }: Address) {
    const reader = new Reader({
      connack: (reason) => this.#answer('connack', [reason]),
      suback: (id, reasons) => this.#answer(`suback ${id}`, reasons),
      puback: (_, reason) => {
        if (reason < 0x80) this.acknowledged++
        else this.refused++
      },
      publish: (bytes, from, to, id) => {
        if (id > 0) this.write(pubackPacket(id))
        this.hears(bytes, from, to)
      },
      disconnect: (reason) => this.#fail(`the broker ended the connection with 0x${reason.toString(16)}`),
    })
    const callback = (read: number): boolean => {
      reader.read(INPUT.subarray(0, read))
      return true
    }
    const options = { host, port, secureContext: context, onread: { buffer: INPUT, callback } }
    this.#socket = connect(options)
    this.#outbox = new Outbox(this.#socket)
    this.#socket.on('error', (err) => this.#fail(err.message))
    this.#socket.on('close', () => this.#fail('the broker closed the connection'))
  }

  /** Connects and logs in. */
  static async open(address: Address, login: Login): Promise<Connection> {
    const connection = new Connection(address)
    await once(connection.#socket, 'secureConnect')
    connection.#socket.setNoDelay(true)
    connection.write(connectPacket(login))
    const [reason] = await connection.#answered('connack')
    if (reason !== 0) throw new Error(`the broker refuses the login with 0x${reason!.toString(16)}`)
    return connection
  }

  async subscribe(filters: readonly string[], qos: 0 | 1): Promise<void> {
    const id = this.nextId()
    this.write(subscribePacket(id, filters, qos))
    const reasons = await this.#answered(`suback ${id}`)
    if (reasons.some((reason) => reason !== qos)) throw new Error(`the broker refuses one of ${filters.join(', ')}`)
  }

  /** A packet id; there are never 65,535 open. */
  nextId(): number {
    return (this.#lastId = (this.#lastId % 65_535) + 1)
  }

  /** Writes with whatever else is written in this turn. */
  write(packet: Buffer): void {
    this.#outbox.write(packet)
  }

  async close(): Promise<void> {
    this.#isClosing = true
    if (this.#socket.destroyed) return
    this.#socket.end(DISCONNECT)
    this.#socket.destroySoon()
    await once(this.#socket, 'close')
  }

  #answered(what: string): Promise<number[]> {
    return new Promise((resolve) => this.#answers.set(what, resolve))
  }

  #answer(what: string, reasons: number[]): void {
    this.#answers.get(what)?.(reasons)
    this.#answers.delete(what)
  }

  /** A load test whose device is cut off has measured nothing. */
  #fail(why: string): void {
    if (this.#isClosing) return
    this.#isClosing = true
    throw new Error(why)
  }
}
