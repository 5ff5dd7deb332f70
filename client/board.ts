import { Asking } from './asking.ts'
import { whenAwake } from './awake.ts'
import { Connection, type FetchToken, type State } from './connection.ts'
import { UNANSWERED, type Answer, type Commands, type Event, type Events } from './contract.ts'
import { Closed, Timeout } from './errors.ts'
import { Inbox, type Incoming, type Position } from './inbox.ts'
import { Listeners } from './listeners.ts'
import type { Link } from './mqtt/link.ts'
import type { Connack } from './mqtt/decode.ts'
import { newId } from './new-id.ts'
import { OpenCalls, type Waiting } from './open-calls.ts'
import { CALL } from './outbox.ts'
import type { OwnEvents } from './own-events.ts'
import type { OpenSocket } from './socket/socket.ts'
import type { Store } from './store/store.ts'
import { Writer } from './store/writer.ts'
import { within } from './within.ts'

export type { OwnEvents }

export interface CallOptions {
  /** The command's id, up to 64 characters. The same id has one effect. By default, a new one. */
  id?: string
  /** Milliseconds after which the call rejects with `Timeout`. The command stays in the outbox. By default it waits as long as it takes. */
  timeout?: number
  /** Ends the wait, not the command. */
  signal?: AbortSignal
  /** When the command is no longer worth running: the platform then refuses it with the code `timeout`. */
  expiresAt?: Date
  /** `false`: not kept in the outbox's store, for what is of no use after a restart of the app. */
  keep?: boolean
}

export interface BoardOptions {
  url: string
  token: FetchToken
  open: OpenSocket
  store: Store
}

type FieldsOf<Name extends keyof Commands> =
  Record<string, never> extends Commands[Name]
    ? [fields?: Commands[Name], options?: CallOptions]
    : [fields: Commands[Name], options?: CallOptions]

const [CLIENT, USER, POSITION] = ['client', 'user', 'position']
/** Milliseconds between two looks for what closed tabs have left. */
const ADOPT_EVERY = 30_000

/** The platform as an app sees it: commands are called, events are listened to. */
export class Board {
  readonly #options: BoardOptions
  readonly #listeners = new Listeners((err) => this.#fault(err))
  readonly #writer: Writer
  readonly #openCalls: OpenCalls
  readonly #asking = new Asking()
  readonly #inbox: Inbox
  readonly #opened: Promise<void>
  #connection: Connection | undefined
  #unlisten = (): void => {}
  #closing: Promise<void> | undefined
  #isDrained = (): void => {}
  #willTell = false
  #clientId = ''
  #user: string | undefined

  constructor(options: BoardOptions) {
    this.#options = options
    this.#writer = new Writer(options.store, (err) => this.#fault(err))
    this.#openCalls = new OpenCalls({
      writer: this.#writer,
      changed: () => this.#outboxChanged(),
      uncertain: (err) => this.#listeners.passNow('uncertain', err),
      fault: (err) => this.#fault(err),
    })
    const listeners = this.#listeners
    this.#inbox = new Inbox({
      sync: async (after) => (await this.#asking.insist('sync_events', after)) as never,
      pass: (event, then) => listeners.pass([event.event, '*'], event, then),
      get isFull() {
        return listeners.isFull
      },
      room: () => listeners.room(),
      dropped: ({ event }) => this.#fault(new Error(`the listeners are too slow: one more ${event} was dropped`)),
      reset: (then) => listeners.pass(['reset'], undefined, then),
      reached: (position) => this.#writer.note(POSITION, JSON.stringify(position)),
    })
    this.#opened = this.#open()
    this.#opened.catch((err: unknown) => this.#fault(err))
  }

  get state(): State {
    return this.#connection?.state ?? 'connecting'
  }

  /** Why it is offline or refused, in words. */
  get reason(): string | undefined {
    return this.#connection?.reason
  }

  /** When it tries again by itself, in milliseconds since 1970; undefined unless it is offline. `retry()` tries at once. */
  get nextTryAt(): number | undefined {
    return this.state === 'offline' ? this.#connection?.nextTryAt : undefined
  }

  /** The user id, once it is known from a login, now or earlier. */
  get user(): string | undefined {
    return this.#user
  }

  /** This device, by the id that the platform knows; empty until the store is open. */
  get clientId(): string {
    return this.#clientId
  }

  /** The commands that are not answered yet, in order. */
  get waiting(): Waiting[] {
    return this.#openCalls.waiting
  }

  /**
   * Sends a command, now or when there is a connection, and resolves with its answer.
   * @throws {Rejected | Failed} what the platform answered
   * @throws {Timeout} after `timeout`; the command stays in the outbox
   * @throws {Uncertain} when the answer is lost
   * @throws {NotStored} when the outbox has no room
   * @throws {Closed} when the board is closed before
   */
  async call<Name extends keyof Commands>(name: Name, ...[fields, options]: FieldsOf<Name>): Promise<Answer<Name>> {
    const { signal, timeout, id = newId(), ...how } = options ?? {}
    signal?.throwIfAborted()
    await this.#opened
    if (this.#closing) throw new Closed()
    if (UNANSWERED.has(name)) {
      this.#asking.tell(name, fields ?? {})
      return undefined as Answer<Name>
    }
    const answer = this.#openCalls.send(id, name, fields ?? {}, how)
    return (await within(answer, signal, timeout, () => new Timeout(name, id))) as Answer<Name>
  }

  /** Listens to an event; the returned function ends that. Listeners run one after another, and those that are asynchronous are awaited. */
  on<Name extends keyof Events>(name: Name, listener: (event: Event<Name>) => unknown): () => void
  on<Name extends keyof OwnEvents>(name: Name, listener: (...told: OwnEvents[Name]) => unknown): () => void
  on(name: string, listener: (...told: never[]) => unknown): () => void {
    return this.#listeners.add(name, listener)
  }

  /** Finds out at once whether the connection still stands. Pages do so by themselves; call it when a phone's app comes to the front. */
  wake(): void {
    this.#connection?.wake()
    void this.#adopt()
  }

  /** Tries to log in now, even after a refusal: somebody has signed in again. */
  retry(): void {
    this.#connection?.retry()
  }

  /**
   * Ends the session.
   * @param how `keep` leaves the outbox to the next start; `flush` first waits until all is answered, at most `timeout`
   *   milliseconds; `discard` empties the outbox and forgets what was read, as when somebody signs out
   */
  close(how: 'keep' | 'flush' | 'discard' = 'keep', timeout = 10_000): Promise<void> {
    return (this.#closing ??= this.#close(how, timeout))
  }

  async #open(): Promise<void> {
    const { store, url, open, token } = this.#options
    const stored = await store.open()
    this.#clientId = stored.get(CLIENT) ?? newId()
    if (!stored.has(CLIENT)) this.#writer.note(CLIENT, this.#clientId)
    this.#user = stored.get(USER)
    const position = stored.get(POSITION)
    if (position !== undefined) this.#inbox.restore(JSON.parse(position) as Position)
    this.#openCalls.restore(stored)
    this.#connection = new Connection({
      url,
      open,
      token,
      clientId: this.#clientId,
      changed: (state, reason) => this.#listeners.passNow('state', state, reason),
      up: (link, connack) => void this.#up(link, connack),
      message: (text, isDup) => this.#receive(text, isDup),
      down: () => this.#down(),
    })
    const stopListening = whenAwake(() => this.wake())
    const clock = store.adopt && setInterval(() => void this.#adopt(), ADOPT_EVERY)
    this.#unlisten = () => {
      stopListening()
      clearInterval(clock)
    }
    this.#connection.retry()
    void this.#adopt()
  }

  async #up(link: Link, connack: Connack): Promise<void> {
    const { user } = connack
    if (user !== undefined) this.#isUser(user)
    this.#asking.start(link)
    try {
      await new Promise<void>((resolve, reject) => {
        link.subscribe(`${this.#user}_events`, (reason) => {
          if (reason < 0x80) resolve()
          else reject(new Error(`the subscription was refused (0x${reason.toString(16)})`))
        })
      })
      await this.#inbox.catchUp(({ at, recovered }) => this.#openCalls.start(link, connack, at, recovered))
      if (this.#asking.isOn(link)) this.#connection!.isCaughtUp()
    } catch (err) {
      if (!this.#asking.isOn(link)) return // lost meanwhile
      this.#fault(err)
      link.drop()
    }
  }

  #down(): void {
    this.#asking.stop()
    this.#inbox.disconnected()
    this.#openCalls.stop()
  }

  /** What another user has left in the outbox is not sent in this one's name. */
  #isUser(user: string): void {
    if (this.#user === user) return
    if (this.#user !== undefined) {
      this.#openCalls.discard(new Closed('another user has logged in'))
      this.#inbox.clear()
    }
    this.#user = user
    this.#writer.note(USER, user)
  }

  #receive(text: string, isDup: boolean): void {
    const event = JSON.parse(text) as Incoming
    if (this.#asking.takes(event)) return
    if (event.event === 'session_expiring' && event['client_id'] === this.#clientId) void this.#renew()
    if (this.#openCalls.takes(event)) this.#inbox.receive(event, text, isDup)
  }

  async #renew(): Promise<void> {
    try {
      const token = await this.#options.token({ wasRefused: false })
      if (token) await this.#asking.ask('refresh_session', { token })
    } catch {
      // The session ends with its token, and the next login asks for one.
    }
  }

  async #adopt(): Promise<void> {
    try {
      this.#openCalls.restore((await this.#options.store.adopt?.(CALL)) ?? new Map())
    } catch (err) {
      if (!this.#closing) this.#fault(err)
    }
  }

  async #close(how: 'keep' | 'flush' | 'discard', timeout: number): Promise<void> {
    const isOpen = await this.#opened.then(
      () => true,
      () => false,
    )
    if (!isOpen) return
    if (how === 'flush' && this.#openCalls.size > 0) {
      const drained = new Promise<void>((resolve) => (this.#isDrained = resolve))
      let timer: ReturnType<typeof setTimeout> | undefined
      await Promise.race([drained, new Promise((resolve) => (timer = setTimeout(resolve, timeout)))])
      clearTimeout(timer)
    }
    this.#unlisten()
    this.#connection?.close()
    if (how === 'discard') {
      this.#openCalls.discard(new Closed())
      for (const key of [POSITION, USER]) this.#writer.note(key, undefined)
    } else this.#openCalls.leave(new Closed())
    await this.#writer.settled()
    await this.#options.store.close()
  }

  #outboxChanged(): void {
    if (this.#openCalls.size === 0) this.#isDrained()
    if (this.#willTell || !this.#listeners.has('waiting')) return
    this.#willTell = true
    queueMicrotask(() => {
      this.#willTell = false
      this.#listeners.passNow('waiting', this.waiting)
    })
  }

  #fault(err: unknown): void {
    if (this.#listeners.has('fault')) this.#listeners.passNow('fault', err)
    else console.error('switchboard:', err) // oxlint-disable-line no-console -- nobody else would hear of it
  }
}
