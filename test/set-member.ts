import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { Long, ObjectId, type Document } from 'mongodb'
import { freePort } from './free-port.ts'
import { answerTo, messagesOf, Upstream, type Message } from './mongo-wire.ts'

/** What all members know of their set. */
export interface View {
  readonly hosts: readonly string[]
  primary: string | undefined
  term: number
}

/** Passes a command to the real server. */
type Hand = () => Promise<Message>
/** Decides how a command ends: with an answer, or without one. */
export type Treatment = (message: Message, hand: Hand) => Promise<Message | undefined>

/** MongoDB's error codes that tell a driver a member's state (specification "Server Discovery And Monitoring"). */
const NAMES = new Map([
  [189, 'PrimarySteppedDown'],
  [10_107, 'NotWritablePrimary'],
  [11_600, 'InterruptedAtShutdown'],
  [11_602, 'InterruptedDueToReplStateChange'],
  [13_435, 'NotPrimaryNoSecondaryOk'],
])
const HELLOS = ['hello', 'ismaster', 'isMaster']
const ANYWHERE = new Set(['ping', 'buildInfo', 'endSessions', 'killCursors', 'getMore'])
const READS = new Set(['find', 'aggregate', 'count', 'distinct', 'listCollections', 'listIndexes'])

/** One member of the stand-in set of replica-set.ts. */
export class SetMember {
  static readonly SET = 'stand-in'
  /** How it treats commands, unless it has vanished. */
  treat: Treatment = (message, hand) => this.#refuse(message, hand)
  #term: number | undefined
  #port = 0
  #isAway = false
  #version = { processId: new ObjectId(), counter: 0 }
  #server: Server | undefined
  readonly #sockets = new Set<Socket>()
  readonly #waiting = new Set<() => void>()
  readonly #view: View
  readonly #serverPort: () => number
  readonly #once: (message: Message, hand: Hand) => Promise<Message>

  constructor(view: View, serverPort: () => number, memory: (message: Message, hand: Hand) => Promise<Message>) {
    this.#view = view
    this.#serverPort = serverPort
    this.#once = memory
  }

  get host(): string {
    return `127.0.0.1:${this.#port}`
  }

  /** Starts as a secondary; after a death, on the same port again. */
  async listen(): Promise<number> {
    this.#version = { processId: new ObjectId(), counter: 0 }
    this.follow()
    this.#server = createServer((socket) => void this.#serve(socket))
    this.#port ||= await freePort()
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    return this.#port
  }

  /** @param lagMs milliseconds for which nothing counts as confirmed: majority reads find nothing, as if all writes were recent */
  lead(term: number, lagMs: number): void {
    this.#term = term
    let isConfirmed = lagMs === 0
    const confirmed = pause(lagMs).then(() => (isConfirmed = true))
    this.treat = async (message, hand) => {
      const isRead = 'find' in message.body
      if (isRead && !isConfirmed)
        return answerTo(message, { cursor: { firstBatch: [], id: Long.ZERO, ns: 'a.b' }, ok: 1 })
      if (!isRead) await confirmed
      return hand()
    }
    this.tell()
  }

  follow(): void {
    this.#term = undefined
    this.treat = (message, hand) => this.#refuse(message, hand)
    this.tell()
  }

  /** Pushes its state to the drivers that listen for changes. */
  tell(): void {
    this.#version.counter++
    for (const wake of this.#waiting) wake()
  }

  vanish(isAway: boolean): void {
    this.#isAway = isAway
    if (!isAway) this.#cut()
  }

  async die(): Promise<void> {
    this.#term = undefined
    const server = this.#server
    if (!server?.listening) return
    server.close()
    this.#cut()
    await once(server, 'close')
  }

  refusal({ body, ...message }: Message, code: number): Message {
    return answerTo(message, { ok: 0, errmsg: `it is ${NAMES.get(code)}`, ...this.#fault(code, body) })
  }

  /** The write has run; whether a majority has it is unknown. */
  unconfirmed(done: Message, message: Message, code: number): Message {
    const { errorLabels, topologyVersion, ...writeConcernError } = this.#fault(code, message.body)
    return answerTo(message, {
      ...done.body,
      writeConcernError: { errmsg: '', ...writeConcernError },
      errorLabels,
      topologyVersion,
    })
  }

  /** Since version 4.4 the server itself labels what may be retried. */
  #fault(code: number, body: Document): Document {
    const errorLabels = body['txnNumber'] === undefined ? [] : ['RetryableWriteError']
    return { code, codeName: NAMES.get(code), errorLabels, topologyVersion: this.#topologyVersion() }
  }

  async #refuse(message: Message, hand: Hand): Promise<Message> {
    const [command = ''] = Object.keys(message.body)
    if (ANYWHERE.has(command)) return hand()
    if (!READS.has(command)) return this.refusal(message, 10_107)
    const { mode = 'primary' } = (message.body['$readPreference'] ?? {}) as { mode?: string }
    return mode === 'primary' ? this.refusal(message, 13_435) : hand()
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
    for (const wake of this.#waiting) wake()
  }

  async #serve(socket: Socket): Promise<void> {
    socket.setNoDelay(true)
    socket.on('error', () => {})
    this.#sockets.add(socket)
    const server = new Upstream(this.#serverPort())
    try {
      for await (const message of messagesOf(socket)) {
        if (this.#isAway) continue
        if (HELLOS.some((name) => name in message.body)) await this.#sayHello(socket, message)
        else {
          const answer = await this.treat(message, () => this.#once(message, () => server.ask(message)))
          if (answer) this.#send(socket, answer)
        }
      }
    } catch {
      // the connection was cut, on either side
    } finally {
      this.#sockets.delete(socket)
      socket.destroy()
      server.close()
    }
  }

  #send(socket: Socket, answer: Message): void {
    if (!this.#isAway && !socket.destroyed) socket.write(answer.bytes)
  }

  /** Answers at once; to a driver that listens, on each change and at intervals (specification "Server Monitoring"). */
  async #sayHello(socket: Socket, message: Message): Promise<void> {
    const { topologyVersion, maxAwaitTimeMS } = message.body as {
      topologyVersion?: { counter: unknown }
      maxAwaitTimeMS?: number
    }
    if (topologyVersion === undefined || maxAwaitTimeMS === undefined)
      return this.#send(socket, answerTo(message, this.#hello()))
    let [known, to] = [Number(topologyVersion.counter), message]
    do {
      if (known === this.#version.counter) await this.#change(maxAwaitTimeMS)
      known = this.#version.counter
      const answer = answerTo(to, this.#hello(), message.exhausts)
      this.#send(socket, answer)
      to = answer
    } while (message.exhausts && !socket.destroyed)
  }

  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      this.#waiting.add(wake)
    })
  }

  #topologyVersion(): Document {
    return { processId: this.#version.processId, counter: Long.fromNumber(this.#version.counter) }
  }

  #hello(): Document {
    const { hosts, primary } = this.#view
    const isPrimary = this.#term !== undefined
    return {
      helloOk: true,
      ismaster: isPrimary,
      isWritablePrimary: isPrimary,
      secondary: !isPrimary,
      setName: SetMember.SET,
      setVersion: 1,
      hosts,
      me: this.host,
      primary: isPrimary ? this.host : primary,
      ...(isPrimary && { electionId: new ObjectId(`7fffffff${this.#term!.toString(16).padStart(16, '0')}`) }),
      topologyVersion: this.#topologyVersion(),
      lastWrite: { lastWriteDate: new Date() },
      maxBsonObjectSize: 16 * 1024 * 1024,
      maxMessageSizeBytes: 48_000_000,
      maxWriteBatchSize: 100_000,
      localTime: new Date(),
      logicalSessionTimeoutMinutes: 30, // without it drivers retry nothing
      minWireVersion: 0,
      maxWireVersion: 13,
      readOnly: false,
      ok: 1,
    }
  }
}
