import { connect, type Socket } from 'node:net'
import { BSON, type Document } from 'mongodb'

// MongoDB's wire protocol, as far as current drivers use it: OP_MSG, and OP_QUERY for the first hello (manual, "MongoDB Wire
// Protocol"; the drivers' specification "OP_MSG"). Compression and checksums are used only if negotiated, and we never do.

const [OP_REPLY, OP_QUERY, OP_MSG] = [1, 2004, 2013]
const HEADER = 16
/** Flags of OP_MSG. */
const [MORE_TO_COME, EXHAUST_ALLOWED] = [1 << 1, 1 << 16]
/** Flag of OP_REPLY. */
const AWAIT_CAPABLE = 1 << 3

/** A message: its bytes and its body. The documents of a large insert are outside the body, and are not read. */
export interface Message {
  readonly id: number
  readonly bytes: Buffer
  readonly body: Document
  /** exhaustAllowed: the server may stream answers until the connection ends. */
  readonly exhausts: boolean
  readonly isQuery: boolean
}

/** The incoming messages; ends with the connection. */
export async function* messagesOf(socket: Socket): AsyncGenerator<Message, void> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (rest.length >= HEADER && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0)
      yield read(rest.subarray(0, length))
      rest = rest.subarray(length)
    }
  }
}

function read(bytes: Buffer): Message {
  const [id, code] = [bytes.readInt32LE(4), bytes.readInt32LE(12)]
  if (code === OP_QUERY) {
    const name = bytes.indexOf(0, HEADER + 4) + 1 // after the flags and the collection's name
    return { id, bytes, body: documentAt(bytes, name + 8), exhausts: false, isQuery: true }
  }
  if (code !== OP_MSG) throw new Error(`unsupported message: opcode ${code}`)
  const flags = bytes.readUInt32LE(HEADER)
  const kind = bytes.readUInt8(HEADER + 4)
  if (kind !== 0) throw new Error('unsupported message: its body does not come first')
  return { id, bytes, body: documentAt(bytes, HEADER + 5), exhausts: (flags & EXHAUST_ALLOWED) !== 0, isQuery: false }
}

function documentAt(bytes: Buffer, at: number): Document {
  return BSON.deserialize(bytes.subarray(at, at + bytes.readInt32LE(at)))
}

let lastId = 0

/** An answer to a message. @param isMore moreToCome: another answer follows */
export function answerTo(message: Pick<Message, 'id' | 'isQuery'>, body: Document, isMore = false): Message {
  const document = Buffer.from(BSON.serialize(body, { ignoreUndefined: true }))
  const between = Buffer.alloc(message.isQuery ? 20 : 5)
  if (message.isQuery) {
    between.writeInt32LE(AWAIT_CAPABLE, 0)
    between.writeInt32LE(1, 16) // one document
  } else between.writeUInt32LE(isMore ? MORE_TO_COME : 0, 0)
  const header = Buffer.alloc(HEADER)
  header.writeInt32LE(HEADER + between.length + document.length, 0)
  header.writeInt32LE(message.isQuery ? OP_REPLY : OP_MSG, 12)
  return addressed(Buffer.concat([header, between, document]), message.id, body)
}

/** The same answer again, to another message. */
export function again(answer: Message, to: Message): Message {
  return addressed(Buffer.from(answer.bytes), to.id, answer.body)
}

function addressed(bytes: Buffer, to: number, body: Document): Message {
  const id = ++lastId
  bytes.writeInt32LE(id, 4)
  bytes.writeInt32LE(to, 8)
  return { id, bytes, body, exhausts: false, isQuery: false }
}

/** A connection to a server, opened on first use; handles one request at a time. */
export class Upstream {
  readonly #port: number
  #socket: Socket | undefined
  #answers: AsyncGenerator<Message, void> | undefined
  #asked: Promise<unknown> = Promise.resolve()

  constructor(port: number) {
    this.#port = port
  }

  ask(message: Message): Promise<Message> {
    const answer = this.#ask(message)
    this.#asked = answer.catch(() => {})
    return answer
  }

  async #ask({ bytes }: Message): Promise<Message> {
    if (!this.#socket) {
      this.#socket = connect(this.#port, '127.0.0.1').setNoDelay(true)
      this.#socket.on('error', () => {})
      this.#answers = messagesOf(this.#socket)
    }
    this.#socket.write(bytes)
    const { value, done } = await this.#answers!.next()
    if (done || !value) throw new Error('the server is unreachable')
    return value
  }

  /** Resolves when the last request is done, whether or not anyone waits for it. */
  close(): void {
    void this.#asked.then(() => this.#socket?.destroy())
  }
}
